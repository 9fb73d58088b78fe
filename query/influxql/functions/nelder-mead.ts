/**
 * Nelder and Mead's search for a minimum (The Computer Journal 7, 1965), in the variant of Michael F. Hutt that InfluxDB
 * uses. holt_winters() prints what it finds, so start, tie-breaking and end must be the same: the second worst vertex
 * is the worst of those strictly better than the worst; shrinking revalues two vertices only.
 *
 * The function may change the vertex that it is given (Holt-Winters pulls parameters back into their range and leaves its
 * seasons in it); vertices are passed themselves, not copies.
 */

const MOST_ITERATIONS = 1000;
const REFLECTION = 1;
const CONTRACTION = 0.5;
const EXPANSION = 2;

export interface Minimum {
  readonly value: number;
  /** As the vertex was before the last evaluation. */
  readonly parameters: Float64Array;
}

/** Searches from `start` until the values at the vertices of the simplex differ less than epsilon. Yields now and then. */
export function* findMinimum(
  valueAt: (parameters: Float64Array) => number,
  start: Float64Array,
  epsilon: number,
): Generator<void, Minimum> {
  const size = start.length;
  const vertices = firstSimplex(start);
  const values: number[] = [];
  for (const vertex of vertices) {
    yield;
    values.push(valueAt(vertex));
  }
  const centroid = new Float64Array(size);
  const reflected = new Float64Array(size);
  const trial = new Float64Array(size);
  for (let iteration = 1; iteration <= MOST_ITERATIONS; iteration++) {
    yield;
    const worst = indexOfWorst(values);
    const best = indexOfBest(values);
    const second = indexOfSecondWorst(values, worst, best);
    findCentroid(vertices, worst, centroid);
    const worstVertex = vertices[worst]!;
    for (let i = 0; i < size; i++) reflected[i] = centroid[i]! + REFLECTION * (centroid[i]! - worstVertex[i]!);
    const atReflected = valueAt(reflected);
    if (atReflected < values[second]! && atReflected >= values[best]!) {
      worstVertex.set(reflected);
      values[worst] = atReflected;
    }
    if (atReflected < values[best]!) {
      for (let i = 0; i < size; i++) trial[i] = centroid[i]! + EXPANSION * (reflected[i]! - centroid[i]!);
      const atTrial = valueAt(trial);
      const expanded = atTrial < atReflected;
      worstVertex.set(expanded ? trial : reflected);
      values[worst] = expanded ? atTrial : atReflected;
    }
    if (atReflected >= values[second]!) {
      const outside = atReflected < values[worst]!;
      for (let i = 0; i < size; i++) {
        trial[i] = outside
          ? centroid[i]! + CONTRACTION * (reflected[i]! - centroid[i]!)
          : centroid[i]! - CONTRACTION * (centroid[i]! - worstVertex[i]!);
      }
      const atTrial = valueAt(trial);
      if (atTrial < values[worst]!) {
        worstVertex.set(trial);
        values[worst] = atTrial;
      } else {
        shrink(vertices, best);
        values[worst] = valueAt(worstVertex);
        values[second] = valueAt(vertices[second]!);
      }
    }
    if (spreadOf(values) < epsilon) break;
  }
  const best = vertices[indexOfBest(values)]!;
  const parameters = best.slice();
  return { value: valueAt(best), parameters };
}

/** The start and, per parameter, a vertex at unit distance from it. */
function firstSimplex(start: Float64Array): Float64Array[] {
  const size = start.length;
  const own = (Math.sqrt(size + 1) - 1 + size) / (size * Math.SQRT2);
  const others = (Math.sqrt(size + 1) - 1) / (size * Math.SQRT2);
  const vertices = [start.slice()];
  for (let i = 0; i < size; i++) {
    vertices.push(start.map((value, j) => (i === j ? own : others) + value));
  }
  return vertices;
}

function indexOfWorst(values: readonly number[]): number {
  let worst = 0;
  for (let i = 0; i < values.length; i++) {
    if (values[i]! > values[worst]!) worst = i;
  }
  return worst;
}

function indexOfBest(values: readonly number[]): number {
  let best = 0;
  for (let i = 0; i < values.length; i++) {
    if (values[i]! < values[best]!) best = i;
  }
  return best;
}

function indexOfSecondWorst(values: readonly number[], worst: number, best: number): number {
  let second = best;
  for (let i = 0; i < values.length; i++) {
    if (values[i]! > values[second]! && values[i]! < values[worst]!) second = i;
  }
  return second;
}

/** The mean of all vertices but the worst. */
function findCentroid(vertices: readonly Float64Array[], worst: number, out: Float64Array): void {
  for (let i = 0; i < out.length; i++) {
    let sum = 0;
    for (let m = 0; m < vertices.length; m++) {
      if (m !== worst) sum += vertices[m]![i]!;
    }
    out[i] = sum / out.length;
  }
}

/** Halves the distance of all vertices to the best. */
function shrink(vertices: readonly Float64Array[], best: number): void {
  const target = vertices[best]!;
  vertices.forEach((vertex, row) => {
    if (row === best) return;
    for (let i = 0; i < vertex.length; i++) vertex[i] = target[i]! + (vertex[i]! - target[i]!) / 2;
  });
}

/** The standard deviation of the values at the vertices. */
function spreadOf(values: readonly number[]): number {
  let sum = 0;
  for (const value of values) sum += value;
  const mean = sum / values.length;
  let squares = 0;
  for (const value of values) squares += ((value - mean) * (value - mean)) / (values.length - 1);
  return Math.sqrt(squares);
}
