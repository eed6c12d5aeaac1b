/** Where documents differ: each place as a JSON pointer, with its value in every one of them. */

/** The value of a place that a document does not have. */
export const ABSENT = Symbol("absent");

/**
 * The places where documents differ, in the order of the first document that has them.
 *
 * Lists of equal length are compared item by item, others as a whole.
 *
 * @returns [{pointer, values}], with ABSENT for what is not there
 */
export function differences(documents, pointer = "") {
  const [first] = documents;
  if (documents.every((one) => same(one, first))) return [];
  const keys = commonKeys(documents);
  if (!keys) return [{ pointer, values: documents }];
  return keys.flatMap((key) => differences(documents.map((one) => (key in one ? one[key] : ABSENT)), `${pointer}/${escaped(key)}`));
}

/** Keys to go on with, or null where the documents are not of one kind. */
function commonKeys(documents) {
  if (documents.every(isPlain)) return [...new Set(documents.flatMap(Object.keys))];
  const lists = documents.every(Array.isArray) && documents.every((one) => one.length === documents[0].length);
  return lists ? Object.keys(documents[0]) : null;
}

const isPlain = (value) => value !== null && typeof value === "object" && !Array.isArray(value);

const same = (one, other) => one === other || (one !== ABSENT && other !== ABSENT && JSON.stringify(sorted(one)) === JSON.stringify(sorted(other)));

function sorted(value) {
  if (Array.isArray(value)) return value.map(sorted);
  if (!isPlain(value)) return value;
  return Object.fromEntries(Object.keys(value).sort().map((key) => [key, sorted(value[key])]));
}

const escaped = (key) => key.replaceAll("~", "~0").replaceAll("/", "~1");
