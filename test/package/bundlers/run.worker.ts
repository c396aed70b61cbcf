// The program of the worker that train.ts starts.
import { serveRuns } from 'radiograd/worker'

serveRuns()
