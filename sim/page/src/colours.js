import table from '../colours.json';

// FNV-1a over the name's UTF-8, as scripts/plots/colours.py has it.
function hash(name) {
  let h = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(name)) h = Math.imul(h ^ byte, 0x01000193) >>> 0;
  return h;
}

const known = (name) => Object.keys(table.owners).find((k) => name === k || name.startsWith(`${k}-`) ||
  name.startsWith(`${k}_`) || name.startsWith(`${k}:`));

// Hue and variant of an owner, of its name alone.
function placeOf(name) {
  const kin = known(name);
  const free = hash(name) >>> 8;
  const variants = table.patterns.length;
  if (name === kin) return table.owners[kin];
  if (kin) return [table.owners[kin][0], 1 + (free % (variants - 1))];
  return [hash(name) % table.hues.length, free % variants];
}

// Name to {hue, pattern}: of the name alone, but where two of these names would look the same.
export function styleOwners(names) {
  const taken = new Set();
  const styles = new Map();
  const rank = (n) => `${n in table.owners ? 0 : 1}${n}`;
  for (const name of [...new Set(names)].sort((a, b) => (rank(a) < rank(b) ? -1 : 1))) {
    if (name in table.fixed) {
      styles.set(name, { hue: table.fixed[name], pattern: table.patterns[0] });
      continue;
    }
    let [index, variant] = placeOf(name);
    for (let i = 0; i < table.patterns.length && taken.has(`${index}/${variant}`); i++) {
      variant = (variant + 1) % table.patterns.length;
    }
    taken.add(`${index}/${variant}`);
    styles.set(name, { hue: table.hues[index], pattern: table.patterns[variant] });
  }
  return styles;
}

// Pattern tiles are drawn by hand: lines or dots of dark or light over the hue.
function tile(hue, pattern, scale) {
  const size = 8 * scale;
  const canvas = document.createElement('canvas');
  canvas.width = canvas.height = size;
  const g = canvas.getContext('2d');
  g.fillStyle = hue;
  g.fillRect(0, 0, size, size);
  const light = parseInt(hue.slice(1, 3), 16) * 0.3 + parseInt(hue.slice(3, 5), 16) * 0.59 +
    parseInt(hue.slice(5, 7), 16) * 0.11;
  g.strokeStyle = g.fillStyle = light > 140 ? 'rgba(0,0,0,.62)' : 'rgba(255,255,255,.75)';
  g.lineWidth = 1.4 * scale;
  const line = (x1, y1, x2, y2) => {
    g.beginPath();
    g.moveTo(x1 * scale, y1 * scale);
    g.lineTo(x2 * scale, y2 * scale);
    g.stroke();
  };
  if (pattern === 'diagonal' || pattern === 'cross') {
    line(-2, 10, 10, -2);
    line(-2, 2, 2, -2);
    line(6, 10, 10, 6);
  }
  if (pattern === 'back' || pattern === 'cross') {
    line(-2, -2, 10, 10);
    line(6, -2, 10, 2);
    line(-2, 6, 2, 10);
  }
  if (pattern === 'horizontal') line(0, 4, 8, 4);
  if (pattern === 'dots') {
    for (const [x, y] of [[2, 2], [6, 6]]) {
      g.beginPath();
      g.arc(x * scale, y * scale, 1.4 * scale, 0, 7);
      g.fill();
    }
  }
  return canvas;
}

export class Palette {
  constructor(names) {
    this.styles = styleOwners(names);
    this.fills = new Map();
  }
  style(name) { return this.styles.get(name) ?? { hue: '#999999', pattern: 'solid' }; }
  // A fill for canvas context `g`.
  fill(g, name) {
    const { hue, pattern } = this.style(name);
    if (pattern === 'solid') return hue;
    const key = `${hue}${pattern}`;
    if (!this.fills.has(key)) {
      this.fills.set(key, g.createPattern(tile(hue, pattern, devicePixelRatio || 1), 'repeat'));
    }
    return this.fills.get(key);
  }
  // A small canvas for tables.
  swatch(name) {
    const canvas = document.createElement('canvas');
    canvas.className = 'swatch';
    canvas.width = canvas.height = 28;
    const g = canvas.getContext('2d');
    const { hue, pattern } = this.style(name);
    g.fillStyle = pattern === 'solid' ? hue : g.createPattern(tile(hue, pattern, 2), 'repeat');
    g.fillRect(0, 0, 28, 28);
    return canvas;
  }
}
