import { distance } from 'fastest-levenshtein';

/** The candidate that somebody who wrote `word` most likely meant; undefined when none is near. */
export function nearest(word: string, candidates: readonly string[]): string | undefined {
  const wanted = word.toLowerCase();
  let best: { candidate: string; steps: number } | undefined;
  for (const candidate of candidates) {
    const steps = distance(wanted, candidate.toLowerCase());
    if (steps <= tolerance(wanted, candidate) && (!best || steps < best.steps)) {
      best = { candidate, steps };
    }
  }
  return best?.candidate;
}

/** A third of the word may be wrong: beyond that a suggestion puzzles more than it helps. */
function tolerance(word: string, candidate: string): number {
  return Math.max(1, Math.round(Math.min(word.length, candidate.length) / 3));
}

/** `Did you mean "x"?`, or undefined when nothing is near. */
export function didYouMean(word: string, candidates: readonly string[]): string | undefined {
  const candidate = nearest(word, candidates);
  return candidate === undefined ? undefined : `Did you mean "${candidate}"?`;
}
