"""How the page of a link looks: one style sheet, inside of the page, since a browser may load nothing else."""

from __future__ import annotations

STYLE = """
:root {
  color-scheme: light dark;
  --back: #ffffff; --text: #171a1f; --soft: #4b545e; --line: #d3d9df; --card: #f3f5f8;
  --go: #0b57a8; --on: #ffffff; --code: #e9edf1; --note: #fff4d6; --noted: #8a5a00;
}
@media (prefers-color-scheme: dark) {
  :root {
    --back: #12151a; --text: #e9ecf0; --soft: #aab3bd; --line: #3a434d; --card: #1b2027;
    --go: #8cbcff; --on: #0a1a2e; --code: #272e37; --note: #2c2410; --noted: #e5b04a;
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; text-size-adjust: 100%; }
body {
  margin: 0 auto; padding: 1.25rem 1.25rem 3rem; max-width: 42rem;
  background: var(--back); color: var(--text);
  font: 1.0625rem/1.55 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; overflow-wrap: break-word;
}
header p { margin: 0; color: var(--soft); font-weight: 600; }
h1 { margin: .25rem 0 .75rem; font-size: 1.75rem; line-height: 1.2; text-wrap: balance; }
h2 { margin: 2.25rem 0 .5rem; font-size: 1.25rem; line-height: 1.3; }
p, ul { margin: .5rem 0; }
a { color: var(--go); }
:focus-visible { outline: 3px solid var(--go); outline-offset: 3px; border-radius: .25rem; }
ol { counter-reset: step; list-style: none; margin: 1.25rem 0 0; padding: 0; }
ol > li { counter-increment: step; position: relative; padding: 0 0 1.1rem 3rem; min-height: 3rem; }
ol > li::before {
  content: counter(step); position: absolute; left: 0; top: -.15rem; width: 2rem; height: 2rem; border-radius: 50%;
  background: var(--card); border: 1px solid var(--line); color: var(--text); font-weight: 600; line-height: 1.9rem;
  text-align: center;
}
ol > li:not(:last-child)::after {
  content: ""; position: absolute; left: 1rem; top: 2.1rem; bottom: .4rem; border-left: 1px solid var(--line);
}
.get {
  display: block; margin-top: .6rem; padding: .8rem 1rem; min-height: 3rem; border-radius: .6rem;
  background: var(--go); color: var(--on); font-weight: 600; text-align: center; text-decoration: none;
}
.get span { display: block; font-weight: 400; font-size: .88em; overflow-wrap: anywhere; }
.get:hover { text-decoration: underline; }
code, kbd { font: .94em ui-monospace, SFMono-Regular, Menlo, Consolas, "Liberation Mono", monospace; }
kbd {
  display: block; margin-top: .35rem; padding: .7rem .85rem; border-radius: .5rem; background: var(--code);
  overflow-wrap: anywhere; user-select: all; -webkit-user-select: all;
}
dl { display: grid; grid-template-columns: max-content 1fr; gap: .35rem 1rem; margin: 1rem 0 0; }
dt { color: var(--soft); }
dd { margin: 0; overflow-wrap: anywhere; }
details { margin: 1rem 0; border-left: 4px solid var(--noted); border-radius: .3rem; background: var(--note); }
summary { padding: .7rem 1rem; min-height: 2.9rem; font-weight: 600; cursor: pointer; }
details > :not(summary) { margin: .5rem 1rem; }
details > ul { padding-left: 1.25rem; }
details > :last-child { padding-bottom: .8rem; }
.devices { display: flex; flex-wrap: wrap; gap: .6rem; list-style: none; margin: .75rem 0 0; padding: 0; }
.devices a {
  display: flex; align-items: center; min-height: 2.9rem; padding: .4rem 1rem; border: 1px solid var(--line);
  border-radius: .6rem; background: var(--card); text-decoration: none; font-weight: 500;
}
.devices a:hover { border-color: var(--go); text-decoration: underline; }
.devices a[aria-current] { color: var(--text); border: 2px solid var(--go); }
footer {
  margin-top: 2.5rem; padding-top: 1rem; border-top: 1px solid var(--line); color: var(--soft); font-size: .94rem;
}
@media (min-width: 48rem) {
  body { padding-top: 3rem; }
  h1 { font-size: 2.1rem; }
  .get { max-width: 22rem; }
}
@media (max-width: 47.99rem) { .chosen .devices { flex-direction: column; } }
"""
