// Every text of a drawing whose contrast with what lies behind it is below WCAG's AA: axe-core reads no drawings.
() => {
  const numbers = (colour) => colour.match(/[\d.]+/g).map(Number);
  const channel = (value) => (value <= 10.31475 ? value / 3294.6 : ((value / 255 + 0.055) / 1.055) ** 2.4);
  const luminance = ([red, green, blue]) => 0.2126 * channel(red) + 0.7152 * channel(green) + 0.0722 * channel(blue);
  const over = (top, below) => {
    const alpha = top[3] ?? 1;
    return [0, 1, 2].map((index) => alpha * top[index] + (1 - alpha) * below[index]);
  };

  function behind(element) {
    const layers = [];
    for (let at = element; at; at = at.parentElement) {
      const colour = numbers(getComputedStyle(at).backgroundColor);
      layers.push(colour);
      if ((colour[3] ?? 1) === 1) break;
    }
    return layers.reverse().reduce((below, layer) => over(layer, below), [255, 255, 255]);
  }

  function faults(element) {
    const style = getComputedStyle(element);
    const text = [...element.childNodes].filter((node) => node.nodeType === 3).map((node) => node.data.trim()).join("");
    if (!text || !element.checkVisibility({ visibilityProperty: true }) || element.closest("[aria-hidden],.hidden,:disabled,.heatmap-label")) return [];
    const ground = behind(element);
    const colour = numbers(style.fill);
    const [light, dark] = [luminance(over(colour, ground)), luminance(ground)].sort((a, b) => b - a);
    const size = parseFloat(style.fontSize);
    const needed = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 600) ? 3 : 4.5;
    const ratio = (light + 0.05) / (dark + 0.05);
    return ratio < needed ? [`${ratio.toFixed(2)} < ${needed}: ${text.slice(0, 40)}`] : [];
  }

  return [...document.querySelectorAll("svg text, svg tspan")].flatMap(faults);
}
