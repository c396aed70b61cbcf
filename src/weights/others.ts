// What files are that are taken for checkpoints. Loaded where a file is none.

/** First bytes of files that are taken for checkpoints, and what they are. */
const OTHERS: readonly [start: RegExp, what: string][] = [
  [/^version https:\/\/git-lfs/, "a Git LFS pointer; fetch the file itself with 'git lfs pull'"],
  [/^\s*</, 'a page of HTML or XML; was a link to a page saved?'],
  [/^\x89HDF/, 'an HDF5 file, as Keras writes; only safetensors and PyTorch files are read'],
  [/^GGUF/, 'a GGUF file; only safetensors and PyTorch files are read'],
  [/^\x1f\x8b/, 'packed with gzip; unpack it first'],
  [/^(?:7z\xbc\xaf|Rar!|\xfd7zXZ|BZh|\x28\xb5\x2f\xfd)/, 'packed; unpack it first'],
  [/^\x93NUMPY/, 'a NumPy array; only safetensors and PyTorch files are read'],
  [/^\x08[\x03-\x14]\x12/, 'an ONNX model; only safetensors and PyTorch files are read'],
  [/^\s*\{/, 'JSON; the weights are in another file'],
  [/^[^]{257}ustar/, 'a tar archive; unpack it first'],
]

/** What a file with these first 512 bytes is; undefined when nothing known. */
export const otherFormat = (start: string): string | undefined => OTHERS.find(([pattern]) => pattern.test(start))?.[1]
