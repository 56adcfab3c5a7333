"""HTML as a tree, so that no text can get into it unescaped."""

from __future__ import annotations

from xml.etree.ElementTree import Element, tostring

Child = Element | str | None


def tag(name: str, /, *children: Child, **attributes: str | int | float) -> Element:
    """Return an element.

    Args:
        name: of the element.
        children: elements and texts in their order; None is left out.
        attributes: by name; a trailing underscore is dropped, as in ``class_``, others become hyphens.

    >>> tostring(tag("p", "1 < 2", tag("br"), class_="x"), encoding="unicode", method="html")
    '<p class="x">1 &lt; 2<br></p>'
    """
    named = {key.rstrip("_").replace("_", "-"): f"{value}" for key, value in attributes.items()}
    element = Element(name, named)
    for child in children:
        if isinstance(child, Element):
            element.append(child)
        elif child and len(element):
            element[-1].tail = (element[-1].tail or "") + child
        elif child:
            element.text = (element.text or "") + child
    return element


def document(root: Element) -> bytes:
    """Return a page as the bytes of a file."""
    text = tostring(root, encoding="unicode", method="html")
    # What UTF-8 cannot hold (half a surrogate pair) becomes a character reference.
    return f"<!doctype html>\n{text}\n".encode(errors="xmlcharrefreplace")
