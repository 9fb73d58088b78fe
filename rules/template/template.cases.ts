/** Templates for the samples `v{job="api"} 1234567.5`, `m{inst="a"} 2500` and `m{inst="b"} 1`: each with the text it makes, or an error. */

export interface TemplateCase {
  text: string;
  /** The text it makes; of an error, how it ends. Left out where only the comparison with promtool says. */
  want?: string;
  /** Promtool 2.42 does otherwise: it is older than this behaviour, or its output is not the same every time. */
  differs?: true;
}

export const TEMPLATES: readonly TemplateCase[] = [
  { text: 'plain', want: 'plain' },
  { text: '{{ $labels.job }} {{ .Labels.job }} {{ $.Labels.job }}', want: 'api api api' },
  { text: '{{ $value }} {{ .Value }}', want: '1.2345675e+06 1.2345675e+06' },
  { text: '{{ $labels.nope }}|', want: '|' },
  { text: '{{ $labels.nope.x }}', want: "<$labels.nope.x>: can't evaluate field x in type string>" },
  { text: 'two\nlines {{ .Foo }}', differs: true },
  { text: '{{ .Labels.job.x }}' },
  { text: '{{ $value.x }}' },

  // Numbers for people.
  { text: '{{ humanize $value }} {{ $value | humanize }}', want: '1.235M 1.235M' },
  { text: '{{ humanize 0.0 }} {{ humanize 0.0000012345 }} {{ humanize 1e30 }} {{ humanize -12345678.0 }}' },
  { text: '{{ humanize 999.95 }} {{ humanize 5 }} {{ humanize "1.5" }} {{ humanize "Inf" }} {{ humanize "nan" }}' },
  { text: '{{ humanize "x" }}' },
  { text: '{{ humanize1024 123456789.0 }} {{ humanize1024 0.5 }} {{ humanize1024 1024.0 }}', want: '117.7Mi 0.5 1ki' },
  {
    text: '{{ humanizeDuration 93784.0 }} {{ humanizeDuration 65.5 }} {{ humanizeDuration 7322 }}',
    want: '1d 2h 3m 4s 1m 5s 2h 2m 2s',
  },
  {
    text: '{{ humanizeDuration 0.00012345 }} {{ humanizeDuration -65.0 }} {{ humanizeDuration 12.3456 }} {{ humanizeDuration 0.0 }}',
  },
  { text: '{{ humanizeDuration "abc" }}' },
  { text: '{{ humanizePercentage 0.12345 }} {{ humanizePercentage "0.5" }}', want: '12.35% 50%' },
  { text: '{{ humanizeTimestamp 1435065584.128 }}', want: '2015-06-23 13:19:44.128 +0000 UTC' },
  { text: '{{ humanizeTimestamp 1e300 }}' },
  { text: '{{ toTime 1435065584.128 }} {{ (toTime 1435065584.128).Unix }}' },
  { text: '{{ parseDuration "1h30m" }} {{ parseDuration "1h2h" }}' },
  { text: '{{ toDuration 5400.5 }}', want: '1h30m0.5s', differs: true },

  // printf.
  { text: '{{ printf "%.2f %v %s %d %q" 1.005 $value "x" 5 "q" }}', want: '1.00 1.2345675e+06 x 5 "q"' },
  { text: '{{ printf "%d" $value }} {{ printf "%s" $value }} {{ printf "%.1f" "x" }}' },
  { text: '{{ printf "%5.1f|%-8s|%08.3f|%+d|%x|%X|%e|%g|%t|%%" 3.14159 "ab" 2.5 7 255 "hi" 12345.678 0.00001 true }}' },
  { text: '{{ printf "%d %d" 1 }} {{ printf "x" 1 "a" 2.5 }} {{ printf "%!" }} {{ printf "50%" }}' },
  { text: '{{ printf "%.0f %.0f %.0f %.1f %.1f" 0.5 1.5 2.5 0.25 0.35 }}', want: '0 2 2 0.2 0.3' },
  { text: '{{ printf "%.3g %g %g %g %v" 1234.5 100000.0 1000000.0 123456789.0 1e21 }}' },
  { text: '{{ printf "%v %v %.4g %.4g %.4g" 1e20 0.0001 1234.5 1233.5 0.00001234567 }}' },
  {
    text: '{{ printf "%c %U %o %b %q" 65 65 8 5 65 }} {{ printf "%10.3v|%-10v|" 3.14159 true }} {{ printf "%*d" 5 3 }}',
  },
  { text: '{{ printf "%s %v" $labels $labels }} {{ printf "%6.2f" -0.001 }} {{ printf "%.2f" 1e22 }}' },
  {
    text: '{{ range query "vector(1/0) or label_replace(vector(0/0),`a`,`b`,``,``)" }}{{ .Value | printf "%.1f|%6v|%-6g|%+e|%06d|" }}{{ end }}',
  },
  { text: '{{ print 1 2 "x" 3 4.5 }} {{ println 1 "a" }}' },

  // Text.
  {
    text: '{{ title "hello big-world foo_bar" }} {{ toUpper "äb" }} {{ toLower "AB" }}',
    want: 'Hello Big-World Foo_bar ÄB ab',
  },
  { text: '{{ reReplaceAll "(.*):.*" "$1" "host:9090" }}', want: 'host' },
  {
    // biome-ignore lint/suspicious/noTemplateCurlyInString: these are groups of the expression.
    text: '{{ reReplaceAll "(?P<a>\\\\w+)-(\\\\w+)" "${2}-${a}$$x$3" "foo-bar baz-qux" }}',
    want: 'bar-foo$x qux-baz$x',
  },
  { text: '{{ reReplaceAll "(" "x" "y" }}' },
  { text: '{{ match "a.c" "xabcx" }} {{ match "^b" "ab" }}', want: 'true false' },
  { text: '{{ safeHtml "<b>" }} {{ html "<a>" }} {{ urlquery "a b&c" }}' },
  { text: '{{ stripPort "host:80" }} {{ stripPort "[::1]:80" }} {{ stripPort "host" }}', want: 'host ::1 host' },
  {
    text: '{{ stripDomain "a.b.c:80" }} {{ stripDomain "1.2.3.4:80" }} {{ stripDomain "a.b" }}',
    want: 'a:80 1.2.3.4:80 a',
  },
  {
    text: '{{ len "äb" }} {{ len $labels }} {{ index $labels "job" }} {{ index $labels "zz" }}| {{ slice "abcdef" 1 3 }}',
  },
  { text: '{{ len 5 }}' },
  { text: '{{ toUpper 5 }}' },
  { text: '{{ toUpper $value }}' },
  { text: '{{ toUpper nil }}' },
  { text: '{{ $labels.job | toUpper | printf "%q" }} {{ "a" | printf "%s-%s" "b" }}', want: '"API" b-a' },
  {
    text: '{{ graphLink "up{a=\\"b\\"}" }} {{ tableLink "a+b" }}',
    want: '/graph?g0.expr=up%7Ba%3D%22b%22%7D&g0.tab=0 /graph?g0.expr=a%2Bb&g0.tab=1',
  },
  {
    text: '{{ pathPrefix }} {{ externalURL }} {{ $externalURL }}',
    want: '/pre http://ext.example/pre http://ext.example/pre',
    differs: true,
  },
  { text: '{{ $externalLabels.region }}', want: 'eu' },

  // Queries.
  { text: '{{ query "m" | len }} {{ query "sum(m)" | first | value }}', want: '2 2501' },
  { text: '{{ range sortByLabel "inst" (query "m") }}{{ .Labels.inst }}={{ .Value }},{{ end }}', want: 'a=2500,b=1,' },
  { text: '{{ range $i, $s := query "sort(m)" }}{{ $i }}:{{ label "inst" $s }} {{ end }}', want: '0:b 1:a ' },
  { text: '{{ with query "nope" }}x{{ else }}none{{ end }}', want: 'none' },
  { text: '{{ query "nope" | first | value }}', want: 'first() called on vector with no elements>' },
  { text: '{{ query "sum(" }}' },
  { text: '{{ with query "m{inst=\\"a\\"}" }}{{ . | first | value | humanize }}{{ end }}', want: '2.5k' },
  { text: '{{ (query "m{inst=\\"b\\"}" | first).Labels.inst }} {{ strvalue (first (query "m")) }}|', want: 'b |' },
  { text: '{{ index (query "m") 7 }}' },
  { text: '{{ first "x" }}' },
  { text: '{{ value $value }}' },

  // Conditions and comparisons.
  { text: '{{ if eq $labels.job "api" }}yes{{ else }}no{{ end }}', want: 'yes' },
  { text: '{{ if gt $value 5 }}big{{ end }}', want: 'error calling gt: incompatible types for comparison>' },
  { text: '{{ if gt $value 5.0 }}big{{ end }}', want: 'big' },
  { text: '{{ if and (gt $value 1.0) (lt $value 1e9) }}mid{{ else if true }}t{{ end }}', want: 'mid' },
  { text: '{{ if $labels.nope }}a{{ else if $labels.job }}b{{ else }}c{{ end }}', want: 'b' },
  {
    text: '{{ if or false "" 0 }}x{{ else }}y{{ end }} {{ and true $labels.job }} {{ or "" $labels.job }}',
    want: 'y api api',
  },
  { text: '{{ not true }} {{ ne 1 2 }} {{ le 1 1 }} {{ ge 2.0 1.0 }} {{ eq 1 2 3 1 }} {{ lt "a" "b" }}' },
  { text: '{{ eq 1 1.0 }}' },
  { text: '{{ eq 1 }}' },
  { text: '{{ lt true false }}' },

  // Variables, blocks and white space.
  { text: '{{ $x := 5 }}{{ $x }}{{ $x = 6 }}{{ $x }}', want: '56' },
  { text: '{{/* c */}}a{{- /* d */ -}} b', want: 'ab' },
  { text: ' a {{- "b" -}} c ', want: ' abc ' },
  { text: '{{ range $k, $v := $labels }}{{ $k }}={{ $v }};{{ end }}{{ range $labels }}{{ . }},{{ end }}' },
  { text: '{{ with $x := $labels.job }}{{ $x }}{{ end }} {{ $labels }}' },
  { text: '{{ range $i, $e := query "m" }}{{ if eq $i 1 }}{{ break }}{{ end }}{{ $i }}{{ end }}', want: '0' },
  { text: '{{ range 3 }}x{{ end }}', want: 'xxx', differs: true },
  { text: '{{ args 1 "x" 2.5 }} {{ (args 1 2).arg1 }} {{ (args 1).arg7 }}' },
  { text: '{{ define "t" }}<{{ . }}>{{ end }}{{ template "t" $value }}{{ template "t" "x" }}' },
  { text: '{{ template "none" }}' },
  { text: '{{ block "b" 5 }}[{{ . }}]{{ end }}', want: '[5]' },
  {
    text: '{{ true }} {{ 5 }} {{ 5.50 }} {{ 1e3 }} {{ 0x1F }} {{ \'a\' }} {{ "s\\t" }} {{ `r\\n` }}',
    want: 'true 5 5.5 1000 31 97 s\t r\\n',
  },
  { text: '{{ 1000000.0 }} {{ 12345678.9 }} {{ 1e21 }} {{ 0.00001 }}' },
  { text: '{{ humanize }}' },
  { text: '{{ humanize 1.0 2.0 }}' },
  { text: '{{ "x" "y" }}' },
  { text: '{{ print nil }}' },
];

/** Templates that do not parse. */
export const BROKEN: readonly string[] = [
  '{{ foo }}',
  '{{ $x }}',
  '{{ if }}',
  '{{ if true }}',
  '{{ end }}',
  '{{ else }}',
  '{{ "x }}',
  '{{ (1 }}',
  '{{ 5 | "x" }}',
  '{{ .x',
  '{{ range $i, $j, $k := .Labels }}{{ end }}',
  '{{ break }}',
  '{{ }}',
  '{{ 5x }}',
  '{{ $labels.job! }}',
  '{{ @ }}',
  '{{ nil.x }}',
  '{{/* x',
  '{{/* x */ y }}',
  '{{ $x := }}',
  '{{ template x }}',
  '{{ define "x" }}',
  '{{ if true }}{{ else }}{{ else }}{{ end }}',
  '{{ | printf }}',
  'a\n{{ \n foo }}',
  '{{ if true }}{{ define "x" }}{{ end }}{{ end }}',
  '{{ "abc\ndef" }}',
  '{{ `raw }}',
  "{{ 'ab }}",
  '{{ :x }}',
  '{{ x = 5 }}',
  '{{ if $x := 5 }}{{ end }}{{ $x }}',
  '{{ true.x }}',
  '{{ .a.b.$c }}',
  '{{ "very long string here".x }}',
];
