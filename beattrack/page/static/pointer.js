'use strict';
// Mouse, pen and touch on the lanes and on the overview.

const NEAR = { mouse: 6, pen: 8, touch: 16 }; // pixels from a beat within which it is taken hold of

class Pointer {
  constructor(app) {
    this.app = app;
    this.hovered = -1;
    this.drag = null;
    this._pointer();
    this._overview();
  }

  _pointer() {
    const { app } = this;
    const canvas = element('lanes');
    canvas.addEventListener('pointerdown', (event) => this._down(event));
    canvas.addEventListener('pointermove', (event) => this._moved(event));
    canvas.addEventListener('pointerup', (event) => this._up(event));
    canvas.addEventListener('pointercancel', () => this._cancel());
    canvas.addEventListener('pointerleave', () => { if (!this.drag) { this.hovered = -1; app.refresh(); } });
    canvas.addEventListener('dblclick', (event) => {
      const [x] = this._at(event);
      if (this._beatAt(event) < 0) app.addAt(app.snap(app.view.start + x / app.view.pps, event.altKey));
    });
    element('stage').addEventListener('wheel', (event) => {
      event.preventDefault();
      const unit = event.deltaMode === 1 ? 24 : 1;
      if (event.ctrlKey || event.metaKey) app.zoom(Math.exp(-0.004 * unit * event.deltaY), this._at(event)[0]);
      else app.setView(app.view.start + (unit * (event.deltaX || event.deltaY)) / app.view.pps);
      if (!app.player.paused && !event.ctrlKey) app.setFollow(false);
    }, { passive: false });
  }

  _at(event) {
    const rect = element('lanes').getBoundingClientRect();
    return [event.clientX - rect.left, event.clientY - rect.top];
  }

  _beatAt(event) {
    const { app } = this;
    const [x, y] = this._at(event);
    if (!app.lanes.graspable() || y < RULER || y > app.lanes.lanes.tempo.top) return -1;
    const index = nearest(app.state.times, app.view.start + x / app.view.pps);
    const reach = Math.min(NEAR[event.pointerType] || 6, 0.4 * app.lanes.usual * app.view.pps);
    return index >= 0 && Math.abs(app.lanes.x(app.state.times[index]) - x) <= reach ? index : -1;
  }

  _down(event) {
    const { app } = this;
    if (event.button !== 0) return;
    const [x] = this._at(event);
    const index = this._beatAt(event);
    element('lanes').setPointerCapture(event.pointerId);
    this.drag = { x, index, start: app.view.start, before: app.state, moved: false };
    if (index >= 0) app.select(index);
  }

  _moved(event) {
    const { app } = this;
    const [x] = this._at(event);
    if (!this.drag) {
      const index = this._beatAt(event);
      element('lanes').style.cursor = index >= 0 ? 'ew-resize' : 'default';
      if (index !== this.hovered) { this.hovered = index; app.refresh(); }
      return;
    }
    const { drag } = this;
    if (!drag.moved && Math.abs(x - drag.x) < 4) return;
    drag.moved = true;
    if (drag.index < 0) {
      element('lanes').style.cursor = 'grabbing';
      app.setView(drag.start - (x - drag.x) / app.view.pps);
      if (!app.player.paused) app.setFollow(false);
      return;
    }
    const time = app.snap(drag.before.times[drag.index] + (x - drag.x) / app.view.pps, event.altKey);
    drag.state = move(drag.before, drag.index, time, app.data.duration);
    app.lanes.setState(drag.state);
    app.notice(`Beat at ${app.clock(drag.state.times[drag.index])}.`);
    app.refresh();
  }

  _up(event) {
    const { app } = this;
    const { drag } = this;
    this.drag = null;
    if (!drag) return;
    if (drag.moved && drag.state) app.edit(drag.state);
    if (drag.moved) return;
    if (drag.index < 0) app.select(-1);
    app.seek(drag.index < 0 ? app.view.start + this._at(event)[0] / app.view.pps : app.state.times[drag.index]);
  }

  _cancel() {
    const { app } = this;
    this.drag = null;
    app.changed();
  }

  _overview() {
    const { app } = this;
    const canvas = element('window');
    const go = (event) => {
      const rect = canvas.getBoundingClientRect();
      const time = ((event.clientX - rect.left) / rect.width) * app.data.duration;
      if (!app.player.paused) app.setFollow(false);
      app.setView(time - app.lanes.width / app.view.pps / 2);
    };
    canvas.addEventListener('pointerdown', (event) => { canvas.setPointerCapture(event.pointerId); go(event); });
    canvas.addEventListener('pointermove', (event) => { if (event.buttons) go(event); });
    canvas.addEventListener('dblclick', (event) => {
      const rect = canvas.getBoundingClientRect();
      app.seek(((event.clientX - rect.left) / rect.width) * app.data.duration);
    });
  }
}
