/** What is made of the figures of a run's rounds. */

/** The middle of some numbers; NaN without any. */
export function median(numbers) {
  const sorted = ascending(numbers);
  const middle = (sorted.length - 1) / 2;
  return (sorted[Math.floor(middle)] + sorted[Math.ceil(middle)]) / 2;
}

/** The number below which the share `q` of the numbers lies. */
export function quantile(numbers, q) {
  const sorted = ascending(numbers);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))];
}

/**
 * Where the median of what the numbers are drawn from lies with 95 % confidence: [low, high], two of
 * the sorted numbers, whatever their distribution. Up to seven numbers: the least and the greatest.
 */
export function interval(numbers) {
  const sorted = ascending(numbers);
  const n = sorted.length;
  // The ranks between which a fair coin's heads stay in n throws, 19 times of 20.
  const rank = Math.max(0, Math.floor((n - 1.96 * Math.sqrt(n)) / 2));
  return [sorted[rank], sorted[n - 1 - rank]];
}

function ascending(numbers) {
  return numbers.toSorted((a, b) => a - b);
}
