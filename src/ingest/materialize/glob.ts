/** Whether a path has places that stand for several names: `*`, `**`, `?`, `[…]`. */
export function isGlob(path: string): boolean {
  return /[*?[]/.test(path);
}

/** The part of a pattern before the first name that stands for several; it ends with a slash, or is empty. */
export function fixedPart(pattern: string): string {
  const first = pattern.search(/[*?[]/);
  const fixed = first < 0 ? pattern : pattern.slice(0, first);
  return fixed.slice(0, fixed.lastIndexOf('/') + 1);
}

/** What a pattern matches: `*` and `?` within one name, `**` over any number of folders, `[a-c]` and `[!a-c]` one character. */
export function globPattern(pattern: string): RegExp {
  let source = '';
  for (let at = 0; at < pattern.length; at++) {
    const character = pattern.charAt(at);
    if (pattern.startsWith('**/', at)) {
      source += '(?:[^/]+/)*';
      at += 2;
    } else if (pattern.startsWith('**', at)) {
      source += '.*';
      at++;
    } else if (character === '*') source += '[^/]*';
    else if (character === '?') source += '[^/]';
    else if (character === '[') {
      const end = pattern.indexOf(']', at + 2);
      if (end < 0) source += '\\[';
      else {
        const inner = pattern
          .slice(at + 1, end)
          .replace(/^!/, '^')
          .replace(/[\\[]/g, '\\$&');
        source += `[${inner}]`;
        at = end;
      }
    } else source += character.replace(/[.+^${}()|\]\\]/, '\\$&');
  }
  return new RegExp(`^${source}$`, 's');
}
