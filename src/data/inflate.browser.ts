// zlib in a page. Its twin is inflate.node.ts.
export { inflateStart as inflate } from './inflate.js'
