"""Where a JSON pointer leads (RFC 6901)."""


def beyond(pointer, document):
    """How many of a pointer's parts lead out of the document: 0 where it names something that is there."""
    parts = [part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:]]
    for number, part in enumerate(parts):
        if isinstance(document, list | tuple) and part.isdigit() and int(part) < len(document):
            document = document[int(part)]
        elif isinstance(document, dict) and part in document:
            document = document[part]
        else:
            return len(parts) - number
    return 0
