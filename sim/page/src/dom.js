// Elements are made of text nodes only: nothing from a trace is ever read as markup.
export function el(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith('on')) node.addEventListener(name.slice(2), value);
    else if (name === 'dataset') Object.assign(node.dataset, value);
    else if (value !== false && value != null) node.setAttribute(name, value === true ? '' : value);
  }
  node.append(...children.filter((c) => c != null));
  return node;
}

export const $ = (id) => document.getElementById(id);
export const count = (n) => Math.round(n).toLocaleString('en-US');
export const bytes = (n) => `${count(n)} B`;
export const plural = (n, word) => `${count(n)} ${word}${n === 1 ? '' : 's'}`;
export const hex = (n) => `0x${n.toString(16).padStart(8, '0')}`;

export function short(n) {
  if (n >= 1048576) return `${+(n / 1048576).toFixed(2)} M`;
  if (n >= 1024) return `${+(n / 1024).toFixed(1)} K`;
  return `${n}`;
}

export const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
