// As much of a page as forms need: an address, the storage of a tab, and forms with fields.

/** A tab of the site; what it holds is that of the module's globals until the next one is opened. */
export class Tab {
  stored = new Map();
  led = [];
  isStorageForbidden = false;

  constructor(address = "/transfer?from=7") {
    this.go(address);
    const allowed = () => {
      if (this.isStorageForbidden) throw new DOMException("forbidden", "SecurityError");
      return this.stored;
    };
    const globals = {
      location: {
        get pathname() {
          return this.url.pathname;
        },
        get search() {
          return this.url.search;
        },
        get url() {
          return new URL(this.address, "https://site.example");
        },
        address,
        assign: (place) => this.led.push(place),
      },
      sessionStorage: {
        getItem: (key) => allowed().get(key) ?? null,
        setItem: (key, value) => void allowed().set(key, value),
        removeItem: (key) => void allowed().delete(key),
      },
    };
    this.location = globals.location;
    for (const [name, value] of Object.entries(globals)) Object.defineProperty(globalThis, name, { value, configurable: true });
  }

  go(address) {
    if (this.location) this.location.address = address;
  }
}

/** A form whose fields are `[type, name, value]`, or with more in a fourth place; boxes have `checked`, lists `options`. */
export function form(fields, attributes = {}) {
  const elements = fields.map(([type, name, value = "", more = {}]) => {
    const { autocomplete, ...rest } = more;
    return {
      type,
      name,
      value,
      disabled: false,
      ...(type.startsWith("select-") ? {} : { readOnly: false, checked: false }),
      ...rest,
      heard: [],
      getAttribute: (attribute) => (attribute === "autocomplete" ? (autocomplete ?? null) : null),
      dispatchEvent({ type, bubbles }) {
        this.heard.push(bubbles ? type : `${type} alone`);
        return true;
      },
    };
  });
  return { elements, getAttribute: (attribute) => attributes[attribute] ?? null };
}

/** What stands in the fields now. */
export function typed({ elements }) {
  return elements.map((field) => {
    if (field.options) return field.options.filter(({ selected }) => selected).map(({ value }) => value);
    return field.type === "checkbox" || field.type === "radio" ? field.checked : field.value;
  });
}
