'use strict';
// What lies over and under the waveform that wavesurfer.js draws: time, bars and beats, spectrogram, activations
// and tempo. Only the part in view is drawn, so an hour costs no more than a minute.

const RULER = 20;
const BEATS = 30;
const FADED = 0.55;
const TILES = 40; // spectrogram images kept; an hour in view needs few at a time, as it is not shown that wide

const timeText = (seconds, digits) => {
  const total = Math.round(Math.max(0, seconds) * 10 ** digits) / 10 ** digits;
  const hours = Math.floor(total / 3600);
  const minutes = Math.floor((total % 3600) / 60);
  const rest = (total % 60).toFixed(digits).padStart(digits ? digits + 3 : 2, '0');
  return hours ? `${hours}:${String(minutes).padStart(2, '0')}:${rest}` : `${minutes}:${rest}`;
};

/** Maxima over 1, 8, 64, ... values, so that any zoom reads only a few values per pixel. */
class Pyramid {
  constructor(values) {
    this.levels = [values];
    while (this.levels[this.levels.length - 1].length > 4096) {
      const fine = this.levels[this.levels.length - 1];
      const coarse = new Uint8Array(Math.ceil(fine.length / 8));
      for (let i = 0; i < fine.length; i += 1) if (fine[i] > coarse[i >> 3]) coarse[i >> 3] = fine[i];
      this.levels.push(coarse);
    }
  }

  /** The level for so many values per pixel, and how many values one of its stands for. */
  level(perPixel) {
    let index = 0;
    while (index + 1 < this.levels.length && 8 ** (index + 1) <= perPixel) index += 1;
    return [this.levels[index], 8 ** index];
  }
}

class Lanes {
  constructor(canvas, data) {
    this.canvas = canvas;
    this.context = canvas.getContext('2d');
    this.data = data;
    this.activations = { beats: new Pyramid(bytesOf('beats')), downbeats: new Pyramid(bytesOf('downbeats')) };
    this.tiles = new Map();
    this.onTile = () => {};
    this.readColours();
  }

  readColours() {
    const style = getComputedStyle(document.documentElement);
    const names = ['paper', 'panel', 'edge', 'ink', 'faint', 'accent', 'beat', 'wave', 'played', 'shade', 'curve', 'selected', 'head'];
    this.colours = Object.fromEntries(names.map((name) => [name, style.getPropertyValue(`--${name}`).trim()]));
    this.tiles.clear();
  }

  /** Take over the size of the canvas: top and height of each lane in pixels. */
  resize() {
    const { clientWidth: width, clientHeight: height } = this.canvas;
    const ratio = window.devicePixelRatio || 1;
    this.canvas.width = Math.round(width * ratio);
    this.canvas.height = Math.round(height * ratio);
    Object.assign(this, { width, height, ratio });
    const rest = height - RULER - BEATS;
    const share = { wave: 0.36, spectrogram: 0.26, activations: 0.19, tempo: 0.19 };
    let top = RULER + BEATS;
    this.lanes = {};
    for (const [name, part] of Object.entries(share)) {
      this.lanes[name] = { top, height: Math.floor(part * rest) };
      top += this.lanes[name].height;
    }
  }

  /** Take over beats: their bars and the tempo curve. */
  setState(state) {
    this.state = state;
    this.bars = barNumbers(state);
    const { times } = state;
    const steps = intervals(times);
    const usual = times.length > 1 ? median(steps) : 1;
    this.usual = usual;
    this.curve = steps.map((step, i) => (step > PAUSE * usual
      ? null
      : { time: (times[i] + times[i + 1]) / 2, bpm: 60 / median(steps.slice(Math.max(0, i - 2), i + 3)) }));
    const sorted = this.curve.filter(Boolean).map((point) => point.bpm).sort((a, b) => a - b);
    if (!sorted.length) { this.range = null; return; }
    const low = sorted[Math.floor(0.02 * (sorted.length - 1))];
    const high = sorted[Math.ceil(0.98 * (sorted.length - 1))];
    const margin = Math.max(0.15 * (high - low), 0.04 * (high + low) / 2);
    this.range = [low - margin, high + margin];
  }

  /** Draw what is in view: `view` has start and pixels per second, `marks` playhead and selected beat. */
  draw(view, marks) {
    this.view = view;
    const { context: c, ratio } = this;
    c.setTransform(ratio, 0, 0, ratio, 0, 0);
    c.clearRect(0, 0, this.width, this.height);
    c.font = '11px system-ui, sans-serif';
    c.textBaseline = 'middle';
    this.end = view.start + this.width / view.pps;
    this._background();
    this._ruler();
    this._spectrogram();
    this._activations();
    this._tempo();
    this._beats(marks);
    this._labels();
    this._playhead(marks.playhead);
  }

  x(time) { return (time - this.view.start) * this.view.pps; }

  /** Whether beats lie far enough apart to be taken hold of. */
  graspable() { return this.usual * this.view.pps > 9; }

  _background() {
    const { context: c, colours, width } = this;
    c.fillStyle = colours.panel;
    c.fillRect(0, 0, width, RULER);
    c.fillStyle = colours.edge;
    for (const { top } of Object.values(this.lanes)) c.fillRect(0, top - 0.5, width, 1);
  }

  _ruler() {
    const { context: c, colours, view } = this;
    const steps = [0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1200, 1800];
    const step = steps.find((value) => value * view.pps >= 74) || 3600;
    const digits = step < 1 ? 1 : 0;
    c.textAlign = 'left';
    const { duration, offset } = this.data;
    const last = Math.min(this.end, duration) + offset;
    for (let i = Math.floor((view.start + offset) / step); i * step <= last; i += 1) {
      const x = Math.round(this.x(i * step - offset)) + 0.5;
      c.fillStyle = colours.edge;
      c.fillRect(x - 0.5, 0, 1, RULER);
      c.fillStyle = colours.faint;
      c.fillText(timeText(i * step, digits), x + 4, RULER / 2);
    }
  }

  _tile(index) {
    if (this.tiles.has(index)) return this.tiles.get(index);
    const text = document.getElementById(`picture-${index}`);
    if (!text) return null;
    const tile = { canvas: null };
    this.tiles.set(index, tile);
    if (this.tiles.size > this._kept()) this.tiles.delete(this.tiles.keys().next().value);
    const image = new Image();
    image.onload = () => {
      const canvas = document.createElement('canvas');
      canvas.width = image.width;
      canvas.height = image.height;
      const c = canvas.getContext('2d');
      c.drawImage(image, 0, 0);
      c.globalCompositeOperation = 'source-in';
      c.fillStyle = this.colours.shade;
      c.fillRect(0, 0, canvas.width, canvas.height);
      tile.canvas = canvas;
      this.onTile();
    };
    image.src = `data:image/png;base64,${text.textContent}`;
    return tile;
  }

  _kept() { return Math.max(TILES, Math.ceil(this.width / this.view.pps / this.data.chunkSeconds) + 4); }

  _spectrogram() {
    const { context: c, view, data, lanes } = this;
    const { top, height } = lanes.spectrogram;
    c.imageSmoothingQuality = 'medium'; // averages what is drawn smaller
    const last = Math.min(Math.floor(this.end / data.chunkSeconds), data.chunks - 1);
    for (let index = Math.max(0, Math.floor(view.start / data.chunkSeconds)); index <= last; index += 1) {
      const tile = this._tile(index);
      if (!tile || !tile.canvas) continue;
      const from = index * data.chunkSeconds - 0.5 / data.columnsPerSecond;
      c.drawImage(tile.canvas, this.x(from), top, (tile.canvas.width / data.columnsPerSecond) * view.pps + 0.5, height);
    }
  }

  _activations() {
    const { colours } = this;
    this._curve(this.activations.beats, colours.beat, 0.28);
    this._curve(this.activations.downbeats, colours.accent, 0.5);
  }

  _curve(pyramid, colour, opacity) {
    const { context: c, view, data, lanes } = this;
    const { top, height } = lanes.activations;
    const perSecond = data.activationsPerSecond;
    const [values, factor] = pyramid.level(perSecond / view.pps);
    if (!values.length) return;
    const rate = perSecond / factor;
    const bottom = top + height - 1;
    const first = Math.max(0, Math.floor(view.start * rate) - 1);
    const last = Math.min(values.length - 1, Math.ceil(this.end * rate) + 1);
    c.beginPath();
    c.moveTo(this.x(first / rate), bottom);
    for (let i = first; i <= last; i += 1) c.lineTo(this.x(i / rate), bottom - (values[i] / 255) * (height - 5));
    c.lineTo(this.x(last / rate), bottom);
    c.globalAlpha = opacity;
    c.fillStyle = colour;
    c.fill();
    c.globalAlpha = factor > 1 ? 0.5 : 0.9;
    c.strokeStyle = colour;
    c.lineWidth = 1;
    c.stroke();
    c.globalAlpha = 1;
  }

  _tempo() {
    if (!this.range) return;
    const { context: c, colours, lanes } = this;
    const { top, height } = lanes.tempo;
    const [low, high] = this.range;
    const y = (bpm) => top + height - 4 - ((bpm - low) / (high - low)) * (height - 8);
    const steps = [0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500];
    const step = steps.find((value) => (value / (high - low)) * height >= 22) || 1000;
    c.textAlign = 'right';
    for (let bpm = Math.ceil(low / step) * step; bpm <= high; bpm += step) {
      c.fillStyle = colours.edge;
      c.fillRect(0, Math.round(y(bpm)), this.width, 1);
      c.fillStyle = colours.faint;
      c.fillText(String(Math.round(bpm * 10) / 10), this.width - 6, Math.min(Math.max(y(bpm) - 7, top + 8), top + height - 6));
    }
    const from = Math.max(0, lowerBound(this.state.times, this.view.start) - 2);
    const to = Math.min(this.curve.length, lowerBound(this.state.times, this.end) + 1);
    const stride = Math.max(1, Math.floor((to - from) / (2 * this.width)));
    c.save();
    c.beginPath();
    c.rect(0, top, this.width, height);
    c.clip();
    c.beginPath();
    let pen = false;
    for (let i = from; i < to; i += stride) {
      const point = this.curve[i];
      if (point && pen) c.lineTo(this.x(point.time), y(point.bpm));
      else if (point) c.moveTo(this.x(point.time), y(point.bpm));
      pen = Boolean(point);
    }
    c.strokeStyle = colours.curve;
    c.lineWidth = 1.8;
    c.lineJoin = 'round';
    c.stroke();
    c.restore();
  }

  _beats({ selected, hovered }) {
    const { context: c, colours, view, state, bars } = this;
    const { times, positions } = state;
    const first = Math.max(0, lowerBound(times, view.start - 20 / view.pps) - 1);
    const spacing = this.usual * view.pps;
    const metre = metreOf(positions) || 4;
    let every = 1; // bars from one number to the next
    while (positions && every * metre * spacing < 38) every *= 2;
    const bar = metre * spacing;
    const crowded = positions !== null && bar < 7; // then only the bars with a number get a mark
    const opacity = Math.max(0.25, Math.min(0.85, bar / 60));
    const bottom = crowded ? RULER + BEATS : this.lanes.tempo.top;
    for (let i = first; i < times.length && times[i] <= this.end + 20 / view.pps; i += 1) {
      const downbeat = positions !== null && positions[i] === 1;
      if (positions ? !downbeat && spacing < 6 : i % Math.max(1, Math.ceil(6 / spacing))) continue;
      if (downbeat && crowded && (bars[i] - 1) % every) continue;
      const marked = i === selected || i === hovered;
      const x = Math.round(this.x(times[i]) * this.ratio) / this.ratio;
      c.fillStyle = i === selected ? colours.selected : downbeat ? colours.accent : colours.beat;
      c.globalAlpha = marked ? 1 : downbeat ? opacity : FADED;
      const wide = marked ? 2 : downbeat && bar > 30 ? 1.5 : 1;
      c.fillRect(x - wide / 2, RULER + (downbeat ? 14 : 18), wide, bottom - RULER - (downbeat ? 14 : 18));
      c.globalAlpha = 1;
      if (spacing > 9) {
        c.beginPath();
        c.arc(x, RULER + BEATS - 6, marked ? 5 : downbeat ? 4 : 3, 0, 2 * Math.PI);
        c.fill();
      }
      c.textAlign = 'left';
      if (downbeat && (bars[i] - 1) % every === 0) {
        c.font = '600 12px system-ui, sans-serif';
        c.fillText(bars[i], x + 4, RULER + 10);
        c.font = '11px system-ui, sans-serif';
      } else if (positions && spacing > 34 && !downbeat) {
        c.fillStyle = colours.faint;
        c.fillText(positions[i], x + 4, RULER + 10);
      }
    }
  }

  _labels() {
    const { context: c, colours } = this;
    const names = { spectrogram: 'Spectrogram', activations: 'Activations', tempo: 'Tempo, BPM' };
    c.textAlign = 'left';
    for (const [lane, name] of Object.entries(names)) {
      const { top } = this.lanes[lane];
      const width = c.measureText(name).width;
      c.fillStyle = colours.paper;
      c.globalAlpha = 0.8;
      c.fillRect(4, top + 3, width + 8, 15);
      c.globalAlpha = 1;
      c.fillStyle = colours.faint;
      c.fillText(name, 8, top + 11);
    }
  }

  _playhead(time) {
    const { context: c, colours } = this;
    const x = this.x(time);
    if (x < -8 || x > this.width + 8) return;
    c.fillStyle = colours.head;
    c.fillRect(x - 0.75, 0, 1.5, this.height);
    c.beginPath();
    c.moveTo(x - 6, 0);
    c.lineTo(x + 6, 0);
    c.lineTo(x, 8);
    c.fill();
  }

  /** Nearest peak of the beat activation within `reach` seconds, between frames by a parabola; else the time itself. */
  snapped(time, reach = 0.07) {
    const values = this.activations.beats.levels[0];
    const rate = this.data.activationsPerSecond;
    let best = -1;
    const from = Math.max(1, Math.ceil((time - reach) * rate));
    for (let i = from; i <= Math.min(values.length - 2, Math.floor((time + reach) * rate)); i += 1) {
      if (values[i] >= 13 && values[i] >= values[i - 1] && values[i] >= values[i + 1] && (best < 0 || values[i] > values[best])) best = i;
    }
    if (best < 0) return time;
    const [a, b, d] = [values[best - 1], values[best], values[best + 1]];
    const bend = a - 2 * b + d;
    return (best + (bend ? Math.max(-0.5, Math.min(0.5, (a - d) / (2 * bend))) : 0)) / rate;
  }
}
