'use strict';
// Beats and what can be done to them. Everything here is a pure function of plain values: a state is
// {times, positions}, times in seconds and increasing, positions in the bar (1 is the downbeat) or null.

const LEAST_GAP = 0.02; // seconds between two beats
const PAUSE = 2.5; // an interval of more periods than this is a pause

const modulo = (value, divisor) => ((value % divisor) + divisor) % divisor;

function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const half = sorted.length >> 1;
  return sorted.length % 2 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
}

/** Index of the first time that is not before `time`. */
function lowerBound(times, time) {
  let low = 0;
  let high = times.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (times[middle] < time) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Index of the beat nearest to `time`, or -1. */
function nearest(times, time) {
  if (!times.length) return -1;
  const after = lowerBound(times, time);
  if (after === times.length) return after - 1;
  return after && time - times[after - 1] < times[after] - time ? after - 1 : after;
}

const intervals = (times) => times.slice(1).map((time, index) => time - times[index]);

/** Typical interval around a beat in seconds, or of everything without an index; null with fewer than two beats. */
function period(times, index = null) {
  const part = index === null ? times : times.slice(Math.max(0, index - 4), index + 5);
  return part.length < 2 ? null : median(intervals(part));
}

/** Beats per minute: the mean of the intervals near the median, or null with fewer than two beats. */
function tempoOf(times) {
  if (times.length < 2) return null;
  const all = intervals(times);
  const middle = median(all);
  const steady = all.filter((value) => Math.abs(value - middle) <= Math.max(0.05 * middle, 0.025));
  return 60 / (steady.reduce((sum, value) => sum + value, 0) / steady.length);
}

/** Beats in most whole bars, or null without one. */
function metreOf(positions) {
  if (!positions) return null;
  const counts = new Map();
  let last = -1;
  positions.forEach((position, index) => {
    if (position !== 1) return;
    if (last >= 0) counts.set(index - last, (counts.get(index - last) || 0) + 1);
    last = index;
  });
  let best = null;
  for (const [length, count] of counts) if (best === null || count > counts.get(best)) best = length;
  return best;
}

/** Number of the bar of each beat; a pick-up is bar 0. */
function barNumbers(state) {
  let bar = 0;
  return state.times.map((_, index) => (state.positions && state.positions[index] === 1 ? ++bar : bar));
}

/** Positions counted anew in the bar that holds `index`, up to the next downbeat. */
function recounted(positions, index, metre) {
  const counted = [...positions];
  const next = counted.indexOf(1, index);
  const end = next < 0 ? counted.length : next;
  let start = index - 1;
  while (start >= 0 && counted[start] !== 1) start -= 1;
  if (start < 0) {
    for (let i = 0; i < end; i += 1) counted[i] = modulo(i - end, metre) + 1; // a pick-up ends with its bar
    if (next < 0) for (let i = 0; i < end; i += 1) counted[i] = modulo(i, metre) + 1;
    return counted;
  }
  const wrap = next < 0 || end - start > 1.5 * metre ? metre : end - start;
  for (let i = start + 1; i < end; i += 1) counted[i] = modulo(i - start, wrap) + 1;
  return counted;
}

function add(state, time, metre, downbeat = false) {
  const index = lowerBound(state.times, time);
  const close = (i) => i >= 0 && i < state.times.length && Math.abs(state.times[i] - time) < LEAST_GAP;
  if (close(index) || close(index - 1)) return state;
  const times = [...state.times.slice(0, index), time, ...state.times.slice(index)];
  if (!state.positions) return { times, positions: null };
  const positions = [...state.positions.slice(0, index), downbeat ? 1 : 0, ...state.positions.slice(index)];
  if (downbeat) return { times, positions: index + 1 < times.length ? recounted(positions, index + 1, metre) : positions };
  return { times, positions: recounted(positions, index, metre) };
}

/** Without one beat; if it was a downbeat, the bar begins with the next. */
function remove(state, index, metre) {
  const times = state.times.filter((_, i) => i !== index);
  if (!state.positions) return { times, positions: null };
  const positions = state.positions.filter((_, i) => i !== index);
  const downbeat = state.positions[index] === 1;
  if (downbeat && index < times.length) positions[index] = 1;
  const from = downbeat ? index + 1 : index;
  return { times, positions: from < times.length ? recounted(positions, from, metre) : positions };
}

/** One beat at another time, kept between its neighbours. */
function move(state, index, time, duration) {
  const low = index ? state.times[index - 1] + LEAST_GAP : 0;
  const high = index + 1 < state.times.length ? state.times[index + 1] - LEAST_GAP : duration;
  const times = [...state.times];
  times[index] = Math.max(Math.min(time, high), Math.min(low, times[index]));
  return { times, positions: state.positions };
}

/** Bars of `metre` beats throughout, one of them beginning at `anchor`. */
function withMetre(state, metre, anchor) {
  return { times: state.times, positions: state.times.map((_, i) => modulo(i - anchor, metre) + 1) };
}

/** Bars of `metre` beats from `index` on; the beats before keep theirs. */
function barFrom(state, index, metre) {
  if (!state.positions) return withMetre(state, metre, index);
  const positions = state.positions.map((position, i) => (i < index ? position : modulo(i - index, metre) + 1));
  return { times: state.times, positions };
}

/** All downbeats moved by so many beats, later if positive. */
function shiftBars(state, beats, metre) {
  if (!state.positions) return withMetre(state, metre, 0);
  const count = state.times.length;
  const positions = state.positions.map((_, i) => state.positions[i - beats] ?? 0);
  for (let i = 0; i < beats && i < count; i += 1) positions[i] = modulo(state.positions[0] - 1 - beats + i, metre) + 1;
  for (let i = Math.max(count + beats, 0); i < count; i += 1) {
    positions[i] = i ? modulo(positions[i - 1], metre) + 1 : 1;
  }
  return { times: state.times, positions };
}

const firstDownbeat = (state) => (state.positions ? Math.max(state.positions.indexOf(1), 0) : 0);

/** Every other beat: those on which more bars begin. */
function halfTempo(state, metre) {
  let first = 0;
  if (state.positions) {
    const downbeats = [0, 0];
    state.positions.forEach((position, index) => { downbeats[index % 2] += position === 1 ? 1 : 0; });
    if (downbeats[0] === downbeats[1]) first = firstDownbeat(state) % 2;
    else first = downbeats[1] > downbeats[0] ? 1 : 0;
  }
  const kept = state.times.map((_, index) => index).filter((index) => index % 2 === first);
  const times = kept.map((index) => state.times[index]);
  if (!state.positions) return { times, positions: null };
  const anchor = Math.max(kept.findIndex((index) => state.positions[index] === 1), 0);
  return withMetre({ times, positions: null }, metre, anchor);
}

/** A beat in the middle of each interval that is no pause. */
function doubleTempo(state, metre) {
  const usual = period(state.times);
  const times = [];
  let anchor = 0;
  state.times.forEach((time, index) => {
    if (index === firstDownbeat(state)) anchor = times.length;
    times.push(time);
    const next = state.times[index + 1];
    if (next !== undefined && next - time < PAUSE * usual && next - time > 2 * LEAST_GAP) times.push((time + next) / 2);
  });
  return state.positions ? withMetre({ times, positions: null }, metre, anchor) : { times, positions: null };
}

/** The beats from the first to the last tap replaced by the taps; `taps` are [time, is a downbeat]. */
function tapped(state, taps, metre) {
  const first = taps[0][0];
  const last = taps[taps.length - 1][0];
  const around = taps.length > 1 ? median(intervals(taps.map(([time]) => time))) : period(state.times);
  const reach = Math.min(0.35 * (around || 0.5), 0.25);
  let result = { times: [...state.times], positions: state.positions && [...state.positions] };
  for (let i = result.times.length - 1; i >= 0; i -= 1) {
    if (result.times[i] > first - reach && result.times[i] < last + reach) {
      const downbeat = result.positions && result.positions[i] === 1;
      const replaced = taps.some((tap) => Math.abs(tap[0] - result.times[i]) < reach);
      if (downbeat && replaced) taps = taps.map((tap) => (Math.abs(tap[0] - result.times[i]) < reach ? [tap[0], true] : tap));
      result.times.splice(i, 1);
      if (result.positions) result.positions.splice(i, 1);
    }
  }
  if (result.positions && result.positions.length === 0 && !taps.some((tap) => tap[1])) taps = taps.map((tap, i) => [tap[0], i === 0]);
  for (const [time, downbeat] of taps) result = add(result, time, metre, downbeat);
  return result;
}

/** The text of a .beats file; `about.offset` is the time in the recording at which the page begins. */
function beatsFile(state, about) {
  const { tempo } = about;
  const header = [
    ['tempo_bpm', tempo === null ? 'none' : tempo.toFixed(2)],
    ['metre', metreOf(state.positions) ?? (state.times.length && about.metre ? about.metre : 'none')],
    ['beats', state.times.length],
    ['duration', about.recordingDuration.toFixed(3)],
  ];
  if (about.model) header.push(['model', about.model.replace(/[^ -~]/g, '?')]);
  if (about.edited) header.push(['corrected', 'by hand']);
  header.push(['beattrack', about.version]);
  const lines = header.map(([key, value]) => `# ${key}: ${value}`);
  state.times.forEach((time, index) => {
    const text = (time + about.offset).toFixed(3);
    lines.push(state.positions ? `${text}\t${state.positions[index]}` : text);
  });
  return `${lines.join('\n')}\n`;
}

/** The states of an editing session, with undo and redo. */
class History {
  constructor(state) {
    this.past = [];
    this.state = state;
    this.future = [];
  }

  push(state) {
    if (state === this.state) return false;
    this.past.push(this.state);
    if (this.past.length > 200) this.past.shift();
    this.state = state;
    this.future = [];
    return true;
  }

  undo() {
    if (!this.past.length) return false;
    this.future.push(this.state);
    this.state = this.past.pop();
    return true;
  }

  redo() {
    if (!this.future.length) return false;
    this.past.push(this.state);
    this.state = this.future.pop();
    return true;
  }
}

if (typeof module !== 'undefined') {
  module.exports = {
    History, add, barFrom, barNumbers, beatsFile, doubleTempo, halfTempo, metreOf, move, nearest, period,
    remove, shiftBars, tapped, tempoOf, withMetre,
  };
}
