/** The colours in which the service paints classes on samples: a number's bits, spread over red, green and blue as Pascal VOC does. */

const MOST = 24;

/** The colour of the class of this number. */
export function hueOf(number) {
  const parts = [0, 0, 0];
  for (let bit = 0; bit < 8; bit += 1) parts.forEach((_, channel) => (parts[channel] |= (((number + 1) >> (3 * bit + channel)) & 1) << (7 - bit)));
  return `rgb(${parts.join(" ")})`;
}

/** Classes with their colours, where they are painted on samples and are few enough to be told apart. */
export function classHues({ task, target }) {
  const painted = task === "detection" || task === "segmentation";
  return painted ? target.classes.slice(0, MOST).map((name, number) => [name, hueOf(number)]) : [];
}
