// The contrast (WCAG 2) of every text that is shown with what is behind it, by the text.
() => {
  const channels = (colour) => {
    const numbers = colour.match(/[\d.]+(e-?\d+)?/g).map(Number);
    const [red, green, blue, alpha = 1] = numbers;
    const scale = colour.startsWith("color(") ? 1 : 255;
    return { rgb: [red / scale, green / scale, blue / scale], alpha };
  };
  const over = (top, below) => top.rgb.map((part, at) => part * top.alpha + below[at] * (1 - top.alpha));
  const behind = (node) => {
    if (!node) return [1, 1, 1];
    const colour = channels(getComputedStyle(node).backgroundColor);
    return colour.alpha === 1 ? colour.rgb : over(colour, behind(node.parentElement));
  };
  const luminance = (rgb) => {
    const [red, green, blue] = rgb.map((part) =>
      part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4,
    );
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const found = {};
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const measured = [...document.querySelectorAll("input, textarea")].map((field) => [field, field.value]);
  while (texts.nextNode()) measured.push([texts.currentNode.parentElement, texts.currentNode.data]);
  for (const [node, text] of measured) {
    if (!text.trim() || !node.checkVisibility()) continue;
    const background = behind(node);
    const ink = over(channels(getComputedStyle(node).color), background);
    const [dark, light] = [luminance(ink), luminance(background)].sort((one, other) => one - other);
    const name = `${node.tagName} ${text.trim().slice(0, 40)}`;
    found[name] = Math.min(found[name] ?? Infinity, (light + 0.05) / (dark + 0.05));
  }
  return found;
}
