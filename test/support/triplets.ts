// Triplet losses as loops over plain numbers, with the gradients of METHODS and of the paper.

export interface TripletProblem {
  readonly features: readonly (readonly number[])[];
  readonly labels: readonly number[];
  /** For each level above the classes, finest first, each class's node. */
  readonly levels: readonly (readonly number[])[];
  readonly margins: readonly number[];
  readonly attributes?: readonly (readonly boolean[])[];
  /** Whether images of a class may be positives of one another. */
  readonly pairs?: readonly boolean[];
}

export interface TripletAnswer {
  loss: number;
  active: number;
  gradient: number[][];
}

/** 0: the same class, 1: the same parent, ...; the number of levels + 1: unrelated. */
function relation({ labels, levels }: TripletProblem, a: number, b: number): number {
  const chain = [labels.map((_, i) => labels[i]), ...levels.map((of) => labels.map((l) => of[l]))];
  const found = chain.findIndex((nodes) => nodes[a] === nodes[b]);
  return found < 0 ? chain.length : found;
}

function marginOf(problem: TripletProblem, k: number, r: number, n: number): number {
  const { margins, attributes, labels } = problem;
  const between = margins[k] - (margins[relation(problem, r, n)] ?? 0);
  if (attributes === undefined) return between;
  const [a, b] = [attributes[labels[r]], attributes[labels[n]]];
  const either = a.filter((has, i) => has || b[i]).length;
  const both = a.filter((has, i) => has && b[i]).length;
  return between * (either === 0 ? 1 : 1 - both / either);
}

/** The negative of a pair and what it violates its margin by. */
function choose(problem: TripletProblem, k: number, r: number, p: number) {
  const { features } = problem;
  const distance = (a: number, b: number) =>
    features[a].reduce((total, v, i) => total + (v - features[b][i]) ** 2, 0);
  const candidates = features
    .map((_, n) => n)
    .filter((n) => relation(problem, r, n) > k)
    .map((n) => {
      const violation = distance(r, p) - distance(r, n) + marginOf(problem, k, r, n);
      return { n, violation, beyond: distance(r, n) > distance(r, p) };
    });
  const semiHard = candidates.filter((c) => c.beyond && c.violation > 0);
  const hard = candidates.filter((c) => !c.beyond);
  const worst = semiHard.toSorted((a, b) => b.violation - a.violation)[0];
  return worst ?? hard.toSorted((a, b) => a.violation - b.violation)[0];
}

export function tripletsByHand(problem: TripletProblem): TripletAnswer {
  const { features, labels, margins, pairs } = problem;
  const gradient = features.map((row) => row.map(() => 0));
  let [loss, active, count] = [0, 0, 0];
  margins.forEach((_, k) => {
    const links = labels.flatMap((_, r) =>
      labels.flatMap((_, p) => {
        const alone = k === 0 && pairs !== undefined && !pairs[labels[r]];
        return p !== r && relation(problem, r, p) === k && !alone ? [{ r, p }] : [];
      }),
    );
    count += links.length;
    for (const { r, p } of links) {
      const chosen = choose(problem, k, r, p);
      if (chosen === undefined || chosen.violation <= 0) continue;
      const { n, violation } = chosen;
      active++;
      loss += violation / (2 * links.length);
      features[r].forEach((_, i) => {
        const [fr, fp, fn] = [features[r][i], features[p][i], features[n][i]];
        gradient[r][i] += (fn - fp) / links.length;
        gradient[p][i] += (fp - fr) / links.length;
        gradient[n][i] += (fr - fn) / links.length;
      });
    }
  });
  return { loss, active: count === 0 ? 0 : active / count, gradient };
}
