// The program of the page's workers.
import { serveRuns } from '../src/app/serveRuns.js'

serveRuns()
