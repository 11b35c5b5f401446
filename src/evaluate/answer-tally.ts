// Accuracy and loss of answers, image by image: no table of images by classes is kept.

/** What answers are worth, added up one image at a time. */
export class AnswerTally {
  #images = 0;
  #right = 0;
  #loss = 0;

  /** Takes the logits of one image, and its class. Ties and NaN count as in `answersOf`. */
  add(logits: Float32Array, label: number): void {
    this.#images++;
    this.#loss += negativeLog(logits, label);
    if (isFirst(logits, label)) this.#right++;
  }

  /** Top-1, NaN without images, and mean negative log likelihood in nats. */
  result(): { readonly top1: number; readonly loss: number } {
    return { top1: this.#right / this.#images, loss: this.#loss / this.#images };
  }
}

function isFirst(logits: Float32Array, label: number): boolean {
  const truth = logits[label];
  if (Number.isNaN(truth)) return false;
  return logits.every((value, k) => !(value > truth || (value === truth && k < label)));
}

/** As `negativeLogLikelihood` of one row, in the same order of sums. */
function negativeLog(logits: Float32Array, label: number): number {
  let top = Number.NEGATIVE_INFINITY;
  for (const value of logits) top = Math.max(top, value);
  let sum = 0;
  for (const value of logits) sum += Math.exp(value - top);
  return Math.log(sum) - (logits[label] - top);
}
