// Draws one run as it happens. Reads the same stream as every other client: GET /v1/runs/{run}:watch, one JSON object a line.
import uPlot from '../lib/uplot/uPlot.esm.js';

const root = document.getElementById('live-run');
const chartAt = document.getElementById('live-chart');
const words = root.dataset;
const show = (id, text) => { document.getElementById(id).textContent = text; };
const status = text => show('live-status', text);

// Plenty for a screen; the raw records stay with the server.
const keep = 6000;
const data = [[], [], []];
let latest = null;
let dirty = false;

const grid = show => ({ show, stroke: '#d7dde2', width: 1 });
const axis = (unit, stroke, side) => ({ scale: unit, stroke, side, size: 64, grid: grid(side === 3), values: (_, ticks) => ticks.map(t => `${t} ${unit}`) });
const width = () => Math.max(240, chartAt.clientWidth);
const height = () => (width() < 480 ? 240 : 320);
const chart = new uPlot({
  width: width(),
  height: height(),
  legend: { show: false },
  cursor: { drag: { x: false, y: false } },
  scales: { x: { time: false } },
  series: [
    {},
    { label: words.voltage, scale: 'V', stroke: '#0b3a5b', width: 2, points: { show: false } },
    { label: words.current, scale: 'A', stroke: '#b3261e', width: 2, dash: [6, 3], points: { show: false } },
  ],
  axes: [{ label: `${words.time} (s)`, stroke: '#1b2a33', size: 36, labelSize: 24, grid: grid(true) }, axis('V', '#0b3a5b', 3), axis('A', '#b3261e', 1)],
}, data, chartAt);

new ResizeObserver(() => chart.setSize({ width: width(), height: height() })).observe(chartAt);

const number = value => (Number.isFinite(value) ? value : null);
const unit = (value, name) => (value === null ? '–' : `${value.toPrecision(5)} ${name}`);

function take(point) {
  latest = { time: Number(point.testTimeSecond), stamp: point.utcNs, voltage: number(Number(point.values?.[0])), current: number(Number(point.values?.[1])) };
  data[0].push(latest.time);
  data[1].push(latest.voltage);
  data[2].push(latest.current);
  dirty = true;
}

// Test time that goes back (another step of the same test, a repeated replay) would tangle the line.
function tidy() {
  const n = data[0].length;
  if (n > 1 && data[0][n - 1] < data[0][n - 2]) {
    const order = data[0].map((_, i) => i).sort((a, b) => data[0][a] - data[0][b] || a - b);
    for (let c = 0; c < 3; c++) data[c] = order.map(i => data[c][i]);
  }
  if (n > keep) for (const column of data) column.splice(0, n - keep);
}

function draw() {
  if (dirty) {
    dirty = false;
    tidy();
    chart.setData(data);
  }
  requestAnimationFrame(draw);
}

// The table changes once a second, so that it can be read and read out.
function table() {
  if (latest === null) return;
  show('live-voltage', unit(latest.voltage, 'V'));
  show('live-current', unit(latest.current, 'A'));
  show('live-time', `${latest.time.toFixed(1)} s`);
  show('live-stamp', `${new Date(Number(BigInt(latest.stamp) / 1000000n)).toISOString().replace('T', ' ').slice(0, 19)} UTC`);
}

async function follow() {
  for (const column of data) column.length = 0;
  const query = 'signals=voltage_volt&signals=current_ampere&maxRateHz=10&replay=true';
  const response = await fetch(`/v1/${words.run}:watch?${query}`, { credentials: 'same-origin' });
  if (!response.ok) {
    const problem = await response.json().catch(() => ({ message: response.statusText }));
    status(`${words.refused} ${problem.message}`);
    return true;
  }
  let over = false;
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  for (let rest = ''; ;) {
    const { value, done } = await reader.read();
    if (done) return over;
    const lines = (rest + value).split('\n');
    rest = lines.pop();
    for (const line of lines) {
      if (line.trim() === '') continue;
      const update = JSON.parse(line);
      if (update.run) {
        over = update.run.state === 'FINAL' || update.run.state === 'MISSED';
        status(over ? words.ended : words.on);
      }
      for (const point of update.points ?? []) take(point);
    }
  }
}

async function forever() {
  for (let wait = 1000; ; wait = Math.min(wait * 2, 15000)) {
    const began = performance.now();
    try {
      if (await follow()) break;
    } catch {
      // Told below, like an end that comes too early.
    }
    if (performance.now() - began > 30000) wait = 1000;
    status(words.retry);
    await new Promise(resolve => setTimeout(resolve, wait));
  }
}

requestAnimationFrame(draw);
setInterval(table, 1000);
forever().then(table);
