// Where a plan's commands are cut into submissions, by the time these take: Windows ends work that keeps a GPU for two
// seconds, and a desktop or a page stutters with far less.

/** A longer submission is cut in two. */
const MOST_MS = 250
/** Neighbours become one while they take no longer together: well below, as times vary. */
const TOGETHER_MS = MOST_MS / 2
/** Commands of a submission as long as nobody has timed any. */
const UNTIMED = 16
/** Runs after which submissions only get shorter: the first ones also wait for drivers that compile late. */
const MERGING_RUNS = 3

/** A submission of a run: its first command, when it was sent, when the GPU had done it. */
interface Submission {
  first: number
  sent: number
  done: number
}

export class Cuts {
  /** Commands before which a submission ends. */
  starts: ReadonlySet<number>
  private runs = 0
  private changing = true

  constructor(private readonly commands: number) {
    this.starts = new Set(Array.from({ length: Math.ceil(commands / UNTIMED) }, (_, i) => i * UNTIMED))
  }

  /** Times the submissions of a run, without waiting for any; null once they are as they shall be. */
  timer(queue: GPUQueue) {
    if (!this.changing) return null
    const { starts } = this
    const all: Promise<Submission>[] = []
    const submitted = (first: number) => {
      const sent = performance.now()
      all.push(queue.onSubmittedWorkDone().then(() => ({ first, sent, done: performance.now() })))
    }
    submitted(-1) // what came before
    const end = () =>
      void Promise.all(all).then(
        (run) => starts === this.starts && this.learn(run),
        () => {}, // the device is lost, as others will say
      )
    return { submitted, end }
  }

  private learn([before, ...run]: readonly Submission[]): void {
    const starts: number[] = []
    let { done } = before
    let together = Infinity
    this.changing = ++this.runs < MERGING_RUNS
    run.forEach((submission, i) => {
      const { first } = submission
      const end = run[i + 1]?.first ?? this.commands
      const ms = submission.done - Math.max(done, submission.sent)
      done = submission.done
      together += ms
      if (this.runs > MERGING_RUNS || together > TOGETHER_MS) {
        starts.push(first)
        together = ms
      }
      if (ms <= MOST_MS || end - first < 2) return
      starts.push((first + end) >> 1)
      this.changing = true
    })
    this.starts = new Set(starts)
  }
}
