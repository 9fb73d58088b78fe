import { expect, test } from 'vitest';
import { endOfLines, fieldStart, LineWriter, lineStart } from './line-writer.ts';

test('lines end outside of quotes', () => {
  const check = (text: string, whole: string) => expect(endOfLines(Buffer.from(text))).toBe(Buffer.byteLength(whole));
  check('', '');
  check('m v=1', '');
  check('m v=1\nm v', 'm v=1\n');
  check('m v=1 1\n\nm v=2 2\n', 'm v=1 1\n\nm v=2 2\n');
  // A newline in a value is one of its characters.
  check('m v="a\nb" 1\nm v="c\nd', 'm v="a\nb" 1\n');
  check('m v="a\\"\nb",w=1 1\nm', 'm v="a\\"\nb",w=1 1\n');
  check('m v="a\\\\" 1\nm v="x', 'm v="a\\\\" 1\n');
  // Quotes mean nothing in measurements and tags, nor in comments.
  check('m,t=a"b v=1\nm"x v=2\nm', 'm,t=a"b v=1\nm"x v=2\n');
  check('# it"s\nm v=1\n# "', '# it"s\nm v=1\n');
  check('a\\ "b,t\\ =c\\=\\" v="x" 1\nm', 'a\\ "b,t\\ =c\\=\\" v="x" 1\n');
  check('m "f"=1 1\nm', 'm "f"=1 1\n');
});

test('names and texts are escaped as line protocol has it', () => {
  const lines = new LineWriter(8);
  lines.raw(
    lineStart('we ird,m=', [
      ['a b', 'c,d=e'],
      ['empty', ''],
    ]),
  );
  lines.raw(fieldStart('fi eld=', true));
  lines.string(Buffer.from('a"b\\c\nd'));
  lines.raw(fieldStart('i', false));
  lines.text('5i');
  lines.end('-1');
  expect(Buffer.from(lines.take()).toString()).toBe(
    'we\\ ird\\,m=,a\\ b=c\\,d\\=e fi\\ eld\\=="a\\"b\\\\c\nd",i=5i -1\n',
  );
});
