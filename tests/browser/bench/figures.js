// Figures as lines of JSON, in the form of the other bench programs, and quantiles.

export const RUNS = 15;

export function figure(figure, value, unit, target, better = "lower") {
  const ok = target === null || (better === "lower" ? value <= target : value >= target);
  console.log(JSON.stringify({ figure, value, unit, target, ok }));
}

export function quantile(samples, share) {
  const sorted = [...samples].sort((a, b) => a - b);
  return sorted[Math.round(share * (sorted.length - 1))] ?? 0;
}

export const median = (samples) => quantile(samples, 0.5);

// Runs something several times and gives what it gave; one time before does not count.
export async function repeat(run, times = RUNS) {
  await run(-1);
  const samples = [];
  for (let nth = 0; nth < times; nth++) samples.push(await run(nth));
  return samples;
}
