'use strict';
// Plays the recording from its short files, one after the other, and a click on every beat, all on the clock of
// the sound card. It has the interface of an <audio> element as far as wavesurfer.js needs it.

const AHEAD = 5; // seconds of the recording that are scheduled ahead
const CLICKS_AHEAD = 1.5; // seconds; timers of a hidden page fire once a second
const KEPT = 6; // decoded files

function bytesOf(id) {
  const element = document.getElementById(id);
  return element ? Uint8Array.from(atob(element.textContent), (c) => c.charCodeAt(0)) : new Uint8Array(0);
}

class SongPlayer extends EventTarget {
  constructor(data) {
    super();
    this.data = data;
    this.duration = data.duration;
    this.paused = true;
    this.ended = false;
    this.seeking = false;
    this.src = '';
    this.currentSrc = '';
    this.muted = false;
    this.beats = { times: [], positions: null };
    this._volume = 0.9;
    this._clickVolume = 0.7;
    this._clicks = true;
    this._rate = 1;
    this._position = 0;
    this._startedAt = Infinity; // on the clock of the context
    this._version = 0;
    this._files = new Map(); // index -> promise of a decoded file
    this._sources = new Set();
    this._clickSources = new Map(); // source -> when
  }

  canPlayType() { return ''; }
  removeAttribute() {}

  get currentTime() {
    if (this.paused || !this._context) return this._position;
    const late = this._context.outputLatency || this._context.baseLatency || 0;
    return this._songTime(this._context.currentTime - late);
  }

  set currentTime(time) {
    this._position = Math.max(0, Math.min(time, this.duration));
    this.ended = false;
    this._emit('seeking');
    if (!this.paused) this._start();
    this._emit('seeked');
    this._emit('timeupdate');
  }

  get volume() { return this._volume; }
  set volume(value) { this._volume = value; this._setGains(); this._emit('volumechange'); }
  get clickVolume() { return this._clickVolume; }
  set clickVolume(value) { this._clickVolume = value; this._setGains(); }
  get clicks() { return this._clicks; }
  set clicks(on) { this._clicks = on; this._setGains(); }
  get playbackRate() { return this._rate; }
  set playbackRate(rate) {
    const time = this.currentTime;
    this._rate = rate;
    if (!this.paused) { this._position = time; this._start(); }
    this._emit('ratechange');
  }

  async play() {
    if (!this.paused || !this.duration) return;
    this._open();
    this.paused = false;
    this.ended = false;
    if (this._position >= this.duration - 0.01) this._position = 0;
    this._startedAt = Infinity;
    this._emit('play');
    await this._context.resume();
    if (!this.paused) await this._start();
  }

  pause() {
    if (this.paused) return;
    this._position = this.currentTime;
    this._stop();
    this.paused = true;
    this._emit('pause');
  }

  /** Take over other beats, also while playing. */
  setBeats(beats) {
    this.beats = beats;
    if (this.paused || this._startedAt === Infinity) return;
    const now = this._context.currentTime;
    for (const [source, when] of this._clickSources) if (when > now + 0.01) { source.stop(); this._clickSources.delete(source); }
    this._nextBeat = lowerBound(beats.times, this._songTime(now + 0.01));
    this._tick();
  }

  /** The decoded file of this index: a promise of an AudioBuffer. */
  file(index) {
    if (!this._files.has(index)) {
      const decoded = this._decode(index);
      decoded.catch(() => this._files.delete(index));
      this._files.set(index, decoded);
      if (this._files.size > KEPT) this._files.delete(this._files.keys().next().value);
    }
    return this._files.get(index);
  }

  async _decode(index) {
    const id = `sound-${index}`;
    if (!document.getElementById(id) && document.readyState === 'loading') {
      await new Promise((resolve) => document.addEventListener('DOMContentLoaded', resolve, { once: true }));
    }
    return this._context.decodeAudioData(bytesOf(id).buffer);
  }

  _open() {
    if (this._context) return;
    this._context = new AudioContext({ sampleRate: this.data.sampleRate, latencyHint: 'interactive' });
    this._music = new GainNode(this._context);
    this._clicking = new GainNode(this._context);
    this._music.connect(this._context.destination);
    this._clicking.connect(this._context.destination);
    this._beatClick = this._click(1000);
    this._downbeatClick = this._click(1600);
    this._setGains();
  }

  _click(frequency) {
    const rate = this._context.sampleRate;
    const buffer = this._context.createBuffer(1, Math.round(0.05 * rate), rate);
    const samples = buffer.getChannelData(0);
    for (let i = 0; i < samples.length; i += 1) {
      samples[i] = Math.cos((2 * Math.PI * frequency * i) / rate) * Math.exp(-i / (0.008 * rate));
    }
    return buffer;
  }

  _setGains() {
    if (!this._context) return;
    this._music.gain.value = this.muted ? 0 : this._volume;
    this._clicking.gain.value = this._clicks ? this._clickVolume : 0;
  }

  _songTime(now) {
    const time = this._position + Math.max(0, now - this._startedAt) * this._rate;
    return Math.min(time, this.duration);
  }

  _when(time) { return this._startedAt + (time - this._position) / this._rate; }

  _stop() {
    this._version += 1;
    clearInterval(this._timer);
    for (const source of [...this._sources, ...this._clickSources.keys()]) source.stop();
    this._sources.clear();
    this._clickSources.clear();
    this._startedAt = Infinity;
  }

  async _start() {
    this._stop();
    const version = this._version;
    this._nextFile = Math.min(Math.floor(this._position / this.data.chunkSeconds), this.data.chunks - 1);
    try {
      await this.file(this._nextFile);
    } catch (error) {
      if (version !== this._version) return;
      this.pause();
      this.dispatchEvent(new CustomEvent('unplayable', { detail: error.message }));
      return;
    }
    if (version !== this._version) return;
    this._startedAt = this._context.currentTime + 0.03;
    this._nextBeat = lowerBound(this.beats.times, this._position - 0.001);
    this._timer = setInterval(() => this._tick(), 50);
    this._tick();
  }

  async _tick() {
    const version = this._version;
    const now = this._context.currentTime;
    if (this._songTime(now) >= this.duration) { this._finish(); return; }
    this._scheduleClicks(now);
    const { chunks, chunkSeconds } = this.data;
    if (this._nextFile >= chunks || this._nextFile * chunkSeconds > this._songTime(now) + AHEAD * this._rate) return;
    const index = this._nextFile;
    const buffer = await this.file(index).catch(() => null);
    if (buffer === null || version !== this._version || index !== this._nextFile) return;
    this._nextFile += 1;
    this._scheduleFile(index, buffer);
  }

  _scheduleFile(index, buffer) {
    const { chunkSeconds, leadSeconds } = this.data;
    const begin = index * chunkSeconds;
    const end = Math.min(begin + chunkSeconds, this.duration);
    const from = Math.max(begin, this._songTime(this._context.currentTime + 0.005)); // later than planned if decoded late
    if (from >= end) return;
    const source = new AudioBufferSourceNode(this._context, { buffer, playbackRate: this._rate });
    source.connect(this._music);
    source.start(this._when(from), (index ? leadSeconds : 0) + from - begin, end - from);
    this._sources.add(source);
    source.onended = () => this._sources.delete(source);
  }

  _scheduleClicks(now) {
    const { times, positions } = this.beats;
    const until = this._songTime(now) + CLICKS_AHEAD * this._rate;
    for (; this._nextBeat < times.length && times[this._nextBeat] < until; this._nextBeat += 1) {
      const when = this._when(times[this._nextBeat]);
      if (when < now - 0.01) continue;
      const downbeat = positions && positions[this._nextBeat] === 1;
      const source = new AudioBufferSourceNode(this._context, { buffer: downbeat ? this._downbeatClick : this._beatClick });
      source.connect(this._clicking);
      source.start(when);
      this._clickSources.set(source, when);
      source.onended = () => this._clickSources.delete(source);
    }
  }

  _finish() {
    this._stop();
    this._position = this.duration;
    this.paused = true;
    this.ended = true;
    this._emit('pause');
    this._emit('ended');
  }

  _emit(name) { this.dispatchEvent(new Event(name)); }
}
