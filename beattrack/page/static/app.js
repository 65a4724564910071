'use strict';
// Joins the parts of the page: what is seen, heard and edited.

const MOST_PPS = 800;
const TAP_RUN = 2.5; // seconds without a tap that end a run of taps

const element = (id) => document.getElementById(id);

class App {
  constructor() {
    this.data = JSON.parse(element('data').textContent);
    const { times, positions, metre } = this.data;
    this.history = new History({ times, positions });
    this.metre = metre || 4;
    this.selected = -1;
    this.follow = true;
    this.taps = [];
    this.view = { start: 0, pps: 100 };
    this.player = new SongPlayer(this.data);
    this.lanes = new Lanes(element('lanes'), this.data);
    this.lanes.onTile = () => this.refresh();
    this._waveforms();
    this._layout();
    const shown = Math.min(this.data.duration || 1, Math.max(6, Math.min(16, this.lanes.width / 70)));
    this.setView(0, this.lanes.width / shown);
    this._controls();
    this.pointer = new Pointer(this);
    this.changed();
    this._listen();
    this.notice(this.data.reason ? `${this.data.reason[0].toUpperCase()}${this.data.reason.slice(1)}.` : '');
  }

  get state() { return this.history.state; }

  // --- waveforms -------------------------------------------------------------------------------------------

  _waveforms() {
    const bytes = new Int8Array(bytesOf('peaks').buffer);
    const count = bytes.length / 2;
    const high = new Float32Array(count);
    const low = new Float32Array(count);
    for (let i = 0; i < count; i += 1) { low[i] = bytes[2 * i] / 127; high[i] = bytes[2 * i + 1] / 127; }
    const step = Math.max(1, Math.floor(count / 3000));
    const coarse = new Float32Array(Math.ceil(count / step));
    for (let i = 0; i < count; i += 1) {
      coarse[Math.floor(i / step)] = Math.max(coarse[Math.floor(i / step)], high[i], -low[i]);
    }
    const duration = count / this.data.peaksPerSecond || 0.001;
    const common = { interact: false, hideScrollbar: true, cursorWidth: 0, autoScroll: false, maxPeak: 1, duration };
    this.wave = WaveSurfer.create({
      ...common, ...this._waveColours(), container: '#wave', height: 100, media: this.player, peaks: [high, low], minPxPerSec: 100,
    });
    this.small = WaveSurfer.create({ ...common, ...this._waveColours(), container: '#all', height: 48, peaks: [coarse] });
  }

  _waveColours() {
    return { waveColor: this.lanes.colours.wave, progressColor: this.lanes.colours.played };
  }

  _layout() {
    this.lanes.resize();
    const { top, height } = this.lanes.lanes.wave;
    element('wave').style.top = `${top}px`;
    if (this.wave.options.height !== height) this.wave.setOptions({ height });
    const small = element('window');
    small.width = Math.round(small.clientWidth * this.lanes.ratio);
    small.height = Math.round(small.clientHeight * this.lanes.ratio);
  }

  // --- view ------------------------------------------------------------------------------------------------

  setView(start, pps = this.view.pps) {
    const { width } = this.lanes;
    const least = width / Math.max(this.data.duration, 0.1);
    const zoom = Math.max(least, Math.min(pps, Math.max(MOST_PPS, least)));
    if (zoom !== this.zoomed) {
      this.zoomed = zoom;
      if (this.wave.getDecodedData()) this.wave.zoom(zoom); // it loads after this function has returned
    }
    const most = Math.max(0, this.data.duration * zoom - width);
    // Whole pixels, as the browser scrolls the waveform by no less.
    const pixels = Math.round(Math.max(0, Math.min(start * zoom, most)) * this.lanes.ratio) / this.lanes.ratio;
    this.view = { start: pixels / zoom, pps: zoom };
    this.lanes.view = this.view;
    this.wave.setScroll(pixels);
    this.refresh();
  }

  zoom(factor, x = null) {
    const head = this.lanes.x(this.player.currentTime);
    const fixed = x ?? (head >= 0 && head <= this.lanes.width ? head : this.lanes.width / 2);
    const time = this.view.start + fixed / this.view.pps;
    const least = this.lanes.width / Math.max(this.data.duration, 0.1);
    const pps = Math.max(least, Math.min(this.view.pps * factor, MOST_PPS));
    this.setView(time - fixed / pps, pps);
  }

  reveal(time) {
    const x = this.lanes.x(time);
    if (x < 40 || x > this.lanes.width - 40) this.setView(time - (0.3 * this.lanes.width) / this.view.pps);
  }

  refresh() {
    if (this.waiting) return;
    this.waiting = requestAnimationFrame(() => {
      this.waiting = 0;
      this._frame();
    });
  }

  _frame() {
    const time = this.player.currentTime;
    if (!this.player.paused && this.follow && !this.pointer.drag) {
      const x = (time - this.view.start) * this.view.pps;
      const rest = 0.35 * this.lanes.width;
      if (x > rest && x < this.lanes.width) this.setView(time - rest / this.view.pps);
      else if (x < 0 || x >= this.lanes.width) this.setView(time - rest / this.view.pps);
      cancelAnimationFrame(this.waiting);
      this.waiting = 0;
    }
    this.lanes.draw(this.view, { playhead: time, selected: this.selected, hovered: this.pointer.hovered });
    this._drawWindow(time);
    this._showTime(time);
    if (!this.player.paused) this.refresh();
  }

  /** The time of the recording as text; the page's own begins where the part that it shows begins. */
  clock(time) { return timeText(time + this.data.offset, 3); }

  _showTime(time) {
    element('time').textContent = this.clock(time);
    const { times, positions } = this.state;
    const index = lowerBound(times, time + 0.001) - 1;
    const bar = this.lanes.bars[index];
    element('place').textContent = index < 0 || !positions ? '\u2013' : `${bar}.${positions[index]}`;
  }

  _drawWindow(time) {
    const canvas = element('window');
    const c = canvas.getContext('2d');
    const { ratio, colours, width } = this.lanes;
    const height = canvas.clientHeight;
    const scale = canvas.clientWidth / (this.data.duration || 1);
    c.setTransform(ratio, 0, 0, ratio, 0, 0);
    c.clearRect(0, 0, canvas.clientWidth, height);
    const from = this.view.start * scale;
    const wide = Math.max((width / this.view.pps) * scale, 4);
    c.fillStyle = colours.beat;
    c.globalAlpha = 0.16;
    c.fillRect(from, 0, wide, height);
    c.globalAlpha = 1;
    c.strokeStyle = colours.beat;
    c.strokeRect(from + 0.5, 0.5, Math.min(wide, canvas.clientWidth - from) - 1, height - 1);
    c.fillStyle = colours.head;
    c.fillRect(time * scale - 0.75, 0, 1.5, height);
  }

  // --- edits -----------------------------------------------------------------------------------------------

  /** Go to a new state of the beats, as one step that can be undone. */
  edit(state, told) {
    if (!this.history.push(state)) return;
    this.changed();
    if (told) this.notice(told);
  }

  changed() {
    this.lanes.setState(this.state);
    this.player.setBeats(this.state);
    if (this.selected >= this.state.times.length) this.selected = -1;
    const { times, positions } = this.state;
    const tempo = this.tempo;
    const metre = metreOf(positions);
    if (metre) this.metre = metre;
    element('facts').textContent = [
      tempo === null ? 'no tempo' : `${tempo.toFixed(2)} BPM`,
      metre ? `${metre} beats a bar` : null,
      `${times.length} ${times.length === 1 ? 'beat' : 'beats'}`,
      timeText(this.data.duration, 0),
      this.edited ? 'corrected' : this.data.confidence === null ? null : `confidence ${this.data.confidence.toFixed(2)}`,
    ].filter(Boolean).join('  ·  ');
    element('metre').value = String(this.metre);
    this._enable();
    this.refresh();
  }

  get edited() { return this.history.past.length > 0; }

  /** Beats per minute; those that were written beside the page until the beats are edited. */
  get tempo() { return this.edited ? tempoOf(this.state.times) : this.data.bpm; }

  _enable() {
    element('undo').disabled = !this.history.past.length;
    element('redo').disabled = !this.history.future.length;
    element('delete').disabled = this.selected < 0;
    for (const id of ['earlier', 'later', 'bar-here', 'half', 'double']) element(id).disabled = !this.state.times.length;
  }

  select(index) {
    this.selected = index;
    this._enable();
    this.refresh();
  }

  undo() { this.endTaps(); if (this.history.undo()) { this.notice('Undone.'); this.changed(); } }
  redo() { this.endTaps(); if (this.history.redo()) { this.notice('Redone.'); this.changed(); } }

  snap(time, turned = false) { return element('snap').checked !== turned ? this.lanes.snapped(time) : time; }

  addAt(time) {
    const placed = Math.max(0, Math.min(time, this.data.duration));
    const before = this.state;
    this.edit(add(before, placed, this.metre), `Beat added at ${this.clock(placed)}.`);
    if (this.state === before) this.notice('There is a beat already.');
    this.select(nearest(this.state.times, placed));
  }

  removeSelected() {
    if (this.selected < 0) { this.notice('Select a beat first: click on it.'); return; }
    const index = this.selected;
    this.edit(remove(this.state, index, this.metre), 'Beat deleted.');
    this.select(Math.min(index, this.state.times.length - 1));
  }

  nudge(seconds) {
    if (this.selected < 0) return;
    this.edit(move(this.state, this.selected, this.state.times[this.selected] + seconds, this.data.duration),
      `Beat at ${this.clock(this.state.times[this.selected] + seconds)}.`);
  }

  /** The selected beat, else the one at the playhead. */
  current() { return this.selected >= 0 ? this.selected : nearest(this.state.times, this.player.currentTime); }

  barHere() {
    const index = this.current();
    if (index >= 0) this.edit(barFrom(this.state, index, this.metre), `Bars of ${this.metre} from here on.`);
  }

  setMetre(metre) {
    this.metre = metre;
    const { positions, times } = this.state;
    let anchor = Math.max(this.current(), 0);
    if (positions && positions.includes(1)) {
      while (anchor > 0 && positions[anchor] !== 1) anchor -= 1;
      if (positions[anchor] !== 1) anchor = positions.indexOf(1);
    }
    if (times.length) this.edit(withMetre(this.state, metre, anchor), `${metre} beats a bar.`);
  }

  tap(downbeat) {
    const now = this.player.currentTime;
    if (this.player.paused) { this.notice('Tap while the recording plays.'); return; }
    const last = this.taps[this.taps.length - 1];
    if (last && (now < last[0] || now - last[0] > TAP_RUN)) this.endTaps();
    if (!this.taps.length) this.beforeTaps = this.state;
    this.taps.push([this.snap(now), downbeat]);
    const state = tapped(this.beforeTaps, this.taps, this.metre);
    if (this.taps.length > 1) this.history.undo();
    this.edit(state, `${this.taps.length} ${this.taps.length === 1 ? 'tap' : 'taps'}.`);
    clearTimeout(this.tapTimer);
    this.tapTimer = setTimeout(() => this.endTaps(), TAP_RUN * 1000);
  }

  endTaps() { this.taps = []; clearTimeout(this.tapTimer); }

  download() {
    const text = beatsFile(this.state, { ...this.data, tempo: this.tempo, edited: this.edited });
    const link = document.createElement('a');
    link.href = URL.createObjectURL(new Blob([text], { type: 'text/plain' }));
    link.download = `${this.data.stem || 'recording'}.beats`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
    this.saved = this.state;
    this.notice(`Downloaded ${link.download}.`);
  }

  // --- playing ---------------------------------------------------------------------------------------------

  toggle() {
    if (this.player.paused) this.wave.play().catch((error) => this.notice(`Cannot play: ${error.message}`, true));
    else this.player.pause();
  }

  seek(time) {
    this.endTaps();
    this.player.currentTime = time;
    this.refresh();
  }

  step(direction, bars) {
    const { times, positions } = this.state;
    const now = this.player.currentTime;
    let index = direction > 0 ? lowerBound(times, now + 0.002) : lowerBound(times, now - (this.player.paused ? 0.002 : 0.25)) - 1;
    while (bars && positions && times[index] !== undefined && positions[index] !== 1) index += direction;
    if (times[index] === undefined) { this.seek(direction > 0 ? this.data.duration : 0); this.reveal(this.player.currentTime); return; }
    this.seek(times[index]);
    this.select(index);
    this.reveal(times[index]);
  }

  setClicks(on) {
    this.player.clicks = on;
    element('clicks').setAttribute('aria-pressed', String(on));
  }

  setFollow(on) {
    this.follow = on;
    element('follow').setAttribute('aria-pressed', String(on));
  }

  notice(text, bad = false) {
    element('notice').textContent = text;
    element('notice').classList.toggle('bad', bad);
  }

  // --- controls --------------------------------------------------------------------------------------------

  _controls() {
    const metre = element('metre');
    for (let beats = 1; beats <= Math.max(12, this.metre); beats += 1) metre.add(new Option(String(beats), String(beats)));
    const actions = this.actions = {
      play: () => this.toggle(),
      clicks: () => this.setClicks(!this.player.clicks),
      undo: () => this.undo(),
      redo: () => this.redo(),
      add: () => this.addAt(this.snap(this.player.currentTime)),
      delete: () => this.removeSelected(),
      earlier: () => this.edit(shiftBars(this.state, -1, this.metre), 'Bars begin one beat earlier.'),
      later: () => this.edit(shiftBars(this.state, 1, this.metre), 'Bars begin one beat later.'),
      'bar-here': () => this.barHere(),
      half: () => { this.select(-1); this.edit(halfTempo(this.state, this.metre), 'Half tempo.'); },
      double: () => { this.select(-1); this.edit(doubleTempo(this.state, this.metre), 'Double tempo.'); },
      in: () => this.zoom(1.5),
      out: () => this.zoom(1 / 1.5),
      fit: () => this.setView(0, 0),
      follow: () => this.setFollow(!this.follow),
      help: () => element('keys').showModal(),
      download: () => this.download(),
    };
    for (const [id, action] of Object.entries(actions)) {
      element(id).addEventListener('click', (event) => { action(); if (event.detail) element('stage').focus({ preventScroll: true }); });
    }
    element('tap').addEventListener('pointerdown', (event) => { this.tap(event.shiftKey); event.preventDefault(); });
    element('tap').addEventListener('click', (event) => { if (!event.detail) this.tap(event.shiftKey); }); // by key
    metre.addEventListener('change', () => this.setMetre(Number(metre.value)));
    for (const id of ['metre', 'speed', 'snap', 'music-volume', 'click-volume']) {
      element(id).addEventListener('change', () => element('stage').focus({ preventScroll: true })); // so that keys work
    }
    element('speed').addEventListener('change', (event) => { this.player.playbackRate = Number(event.target.value); });
    element('music-volume').addEventListener('input', (event) => { this.player.volume = Number(event.target.value); });
    element('click-volume').addEventListener('input', (event) => { this.player.clickVolume = Number(event.target.value); });
  }

  _key(event) {
    if (element('keys').open) return;
    const { target, key } = event;
    const control = event.ctrlKey || event.metaKey;
    const lower = key.toLowerCase();
    if (control) {
      if (lower === 'z') { if (event.shiftKey) this.redo(); else this.undo(); }
      else if (lower === 'y') this.redo();
      else if (lower === 's') this.download();
      else return;
      event.preventDefault();
      return;
    }
    if (event.altKey || target.matches('select')) return;
    if (target.matches('input[type="range"]') && /^(Arrow|Home|End|Page)/.test(key)) return;
    if (target.matches('button, input[type="checkbox"]') && (key === ' ' || key === 'Enter')) return;
    const keys = {
      ' ': () => { if (!event.repeat) this.toggle(); },
      arrowleft: () => this.step(-1, event.shiftKey),
      arrowright: () => this.step(1, event.shiftKey),
      home: () => { this.seek(0); this.reveal(0); },
      end: () => { this.seek(this.data.duration); this.reveal(this.data.duration); },
      '+': this.actions.in, '=': this.actions.in, '-': this.actions.out,
      f: this.actions.fit, l: this.actions.follow, c: this.actions.clicks, a: this.actions.add,
      ',': () => this.nudge(-0.005), '<': () => this.nudge(-0.001), ';': () => this.nudge(-0.001),
      '.': () => this.nudge(0.005), '>': () => this.nudge(0.001), ':': () => this.nudge(0.001),
      delete: this.actions.delete, backspace: this.actions.delete,
      t: () => { if (!event.repeat) this.tap(event.shiftKey); },
      n: () => { element('snap').checked = !element('snap').checked; this.notice(`Snap ${element('snap').checked ? 'on' : 'off'}.`); },
      '[': this.actions.earlier, ']': this.actions.later, d: this.actions['bar-here'],
      h: this.actions.half, g: this.actions.double, s: this.actions.download, '?': this.actions.help,
      escape: () => this.select(-1),
    };
    if (!keys[lower]) return;
    keys[lower]();
    event.preventDefault();
  }

  _listen() {
    document.addEventListener('keydown', (event) => this._key(event));
    new ResizeObserver(() => {
      const { start, pps } = this.view;
      const fitted = Math.abs(pps * this.data.duration - this.lanes.width) < 1;
      this._layout();
      this.zoomed = null;
      this.setView(start, fitted ? 0 : pps);
    }).observe(element('stage'));
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
      this.lanes.readColours();
      for (const wave of [this.wave, this.small]) wave.setOptions(this._waveColours());
      this.setView(this.view.start);
    });
    for (const name of ['play', 'pause', 'ended']) this.player.addEventListener(name, () => this._showPlaying());
    this.player.addEventListener('unplayable', (event) => {
      this.notice(`This browser cannot decode the sound (Ogg Vorbis): ${event.detail}`, true);
    });
    this.wave.once('ready', () => { this.zoomed = null; this.setView(this.view.start); });
    this.wave.on('redrawcomplete', () => this.wave.setScroll(this.view.start * this.view.pps));
    addEventListener('beforeunload', (event) => {
      if (this.edited && this.saved !== this.state) event.preventDefault();
    });
  }

  _showPlaying() {
    const playing = !this.player.paused;
    element('play-shape').setAttribute('d', playing ? 'M4 3h4v14H4zM12 3h4v14h-4z' : 'M5 3l12 7-12 7z');
    element('play').setAttribute('aria-label', playing ? 'Pause' : 'Play');
    if (!playing) this.endTaps();
    this.refresh();
  }
}

window.page = new App();
