// The texts of a page whose contrast is too low: each with its colour, what lies below it, and their contrast.
() => {
  const parse = (colour) => {
    const numbers = colour.match(/[\d.]+(?:e-?\d+)?/g)?.map(Number) ?? [0, 0, 0, 0];
    const scale = colour.startsWith("color(") ? 255 : 1;
    return [...numbers.slice(0, 3).map((number) => number * scale), numbers[3] ?? 1];
  };
  const over = ([r, g, b, a], below) => [r, g, b].map((part, i) => part * a + below[i] * (1 - a));
  const luminance = (colour) => {
    const [r, g, b] = colour.map((part) => (part / 255 <= 0.04045 ? part / 255 / 12.92 : ((part / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const contrast = (a, b) => {
    const [high, low] = [luminance(a), luminance(b)].sort((x, y) => y - x);
    return (high + 0.05) / (low + 0.05);
  };
  const faded = (element) => { // the opacity of an element and all around it
    let opacity = 1;
    for (; element; element = element.parentElement) opacity *= Number(getComputedStyle(element).opacity);
    return opacity;
  };
  const paint = (element) => { // what an element puts on the page
    const style = getComputedStyle(element);
    const shape = element instanceof SVGGeometryElement;
    const [r, g, b, a] = shape && style.fill === "none" ? [0, 0, 0, 0] : parse(shape ? style.fill : style.backgroundColor);
    return [r, g, b, a * (shape ? Number(style.fillOpacity) : 1) * faded(element)];
  };

  const pale = [];
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const range = document.createRange();
  while (texts.nextNode()) {
    const node = texts.currentNode, element = node.parentElement;
    if (!node.textContent.trim() || element.closest("script, style, title, option, pre code, .unseen, [hidden], svg.verdict")) continue;
    range.selectNodeContents(node);
    const box = range.getClientRects()[0];
    if (!box || !box.width) continue;
    const stack = document.elementsFromPoint(box.x + box.width / 2, box.y + box.height / 2);
    if (!stack.some((hit) => hit === element || element.contains(hit) || hit.contains(element) && hit !== document.documentElement && hit !== document.body)) continue; // scrolled out of sight
    const style = getComputedStyle(element), drawn = element instanceof SVGElement;
    const below = stack.reverse().filter((hit) => hit !== element || !drawn).reduce((colour, hit) => over(paint(hit), colour), [255, 255, 255]);
    const [r, g, b, a] = parse(drawn ? style.fill : style.color);
    const colour = over([r, g, b, a * (drawn ? Number(style.fillOpacity) : 1) * faded(element)], below);
    const size = parseFloat(style.fontSize), large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    const found = contrast(colour, below);
    if (found < (large ? 3 : 4.5) - 0.005)
      pale.push(`${found.toFixed(2)} : 1, "${node.textContent.trim().slice(0, 40)}" in <${element.localName} class="${element.getAttribute("class") ?? ""}">`);
  }
  return [...new Set(pale)];
}
