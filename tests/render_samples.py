"""Render the sample pictures of ``img/01.first`` and ``img/02.second``; run by hand, never by the tests.

    python tests/render_samples.py [CHROMIUM]

Each sample is one page of our own, rendered twice by Chromium: as it is, and after the replacements
that its line in `SAMPLES` names. So the table at the end says what differs between the two folders.
The PNG files are then packed as small as they get without loss. Fonts are those of the machine, so a
second machine renders other bytes, but the same differences.
"""

import shutil
import sys
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import imagecodecs
import numpy as np
from PIL import Image
from playwright.sync_api import Page, sync_playwright

IMG = Path(__file__).resolve().parent.parent / "img"

STYLE = """
* { box-sizing: border-box; margin: 0; padding: 0 }
body { font: 15px/1.55 'Noto Sans CJK JP', 'Noto Sans', 'Liberation Sans', sans-serif; color: #1f2937;
       background: #f6f7f9; -webkit-font-smoothing: antialiased }
h1 { font-size: 30px; line-height: 1.25 } h2 { font-size: 19px } small, .dim { color: #6b7280 }
a { color: #2563eb; text-decoration: none }
.row { display: flex; gap: 20px } .between { justify-content: space-between; align-items: center }
.wrap { max-width: 1120px; margin: 0 auto; padding: 28px 0 }
.card { background: #fff; border: 1px solid #e5e7eb; border-radius: 12px; padding: 22px }
.top { background: #fff; border-bottom: 1px solid #e5e7eb; padding: 16px 40px }
.top b { font-size: 18px } .top a { color: #374151; margin-left: 26px }
.button { display: inline-block; background: #2563eb; color: #fff; border-radius: 8px; padding: 9px 20px;
          font-weight: 600 }
label { display: block; font-weight: 600; margin: 16px 0 5px }
.input { border: 1px solid #cbd5e1; border-radius: 8px; padding: 9px 12px; background: #fff; height: 42px }
table { border-collapse: collapse; width: 100% } td, th { padding: 10px 12px; text-align: left }
tr + tr td { border-top: 1px solid #eef0f3 } th { color: #6b7280; font-weight: 600; font-size: 13px }
"""


def goods(shape: str, name: str, price: str, note: str, ground: str) -> str:
    """Return one product card of the shop; `shape` is SVG drawn on 240 x 180."""
    return (
        f"<div class='card' style='padding:0;overflow:hidden'><svg viewBox='0 0 240 180' width='100%'"
        f" style='display:block;background:{ground}'>{shape}</svg><div style='padding:16px 18px 18px'>"
        f"<div class='row between'><b>{name}</b><b>{price}</b></div><small>{note}</small></div></div>"
    )


LAMP = (
    "<path d='M120 20v42' stroke='#334155' stroke-width='3'/><path d='M70 112a50 50 0 0 1 100 0z'"
    " fill='#f59e0b'/><circle cx='120' cy='114' r='13' fill='#fef3c7'/>"
)
CHAIR = (
    "<path d='M82 40h76v54H82z' fill='#0f766e'/><path d='M74 94h92v16H74z' fill='#115e59'/>"
    "<path d='M82 110l-8 46M158 110l8 46M96 110v40M144 110v40' stroke='#78350f' stroke-width='6'/>"
)
MUG = (
    "<path d='M84 56h66v70a16 16 0 0 1-16 16h-34a16 16 0 0 1-16-16z' fill='#be185d'/>"
    "<path d='M150 74h12a18 18 0 0 1 0 40h-12' fill='none' stroke='#be185d' stroke-width='9'/>"
)
PLANT = (
    "<path d='M92 112h56l-8 46h-40z' fill='#b45309'/><path d='M120 112C112 70 84 66 70 58c0 34 22 50 50 54"
    "zM120 112c6-52 34-60 52-66 0 40-24 58-52 66zM120 112c-8-40 0-66 4-82 18 24 14 56-4 82z' fill='#16a34a'/>"
)
CLOCK = (
    "<circle cx='120' cy='90' r='56' fill='#fff' stroke='#1e293b' stroke-width='8'/>"
    "<path d='M120 90V54M120 90l26 14' stroke='#1e293b' stroke-width='6' stroke-linecap='round'/>"
    "<circle cx='120' cy='90' r='5' fill='#dc2626'/>"
)
VASE = (
    "<path d='M106 42h28c-2 24 30 40 26 74-2 24-16 38-40 38s-38-14-40-38c-4-34 28-50 26-74z' fill='#4338ca'/>"
    "<path d='M82 104c26 10 50 10 76 0' stroke='#a5b4fc' stroke-width='6' fill='none'/>"
)

OFFER = (
    "<div class='row between' style='background:#fef3c7;border:1px solid #fcd34d;border-radius:12px;"
    "padding:16px 22px;margin-top:22px'><span><b>Free delivery this week</b> &nbsp; on every order "
    "above 40 €,"
    " until Sunday evening.</span><a href='#'>How it works</a></div>"
)

SHOP = (
    "<div class='top row between'><b>nordlys<span style='color:#d97706'>.</span>home</b><span><a>New in</a>"
    "<a>Living</a><a>Kitchen</a><a>Sale</a><a>Basket (2)</a></span></div><div class='wrap'>"
    "<div class='row between'><div><h1>Things for quiet evenings</h1><p class='dim'>Six pieces, made to stay."
    "</p></div><span class='button'>See all 48</span></div><!--offer-->"
    "<div style='display:grid;grid-template-columns:repeat(3,1fr);gap:22px;margin-top:24px'>"
    + goods(LAMP, "Lamp “Halo”", "89 €", "Brushed brass, dimmable", "#e0ecf6")
    + goods(CHAIR, "Chair “Fjord”", "149 €", "Solid ash, wool seat", "#f3e8e2")
    + goods(MUG, "Mug “Rosa”", "16 €", "Stoneware, 350 ml", "#fdf0f5")
    + goods(PLANT, "Plant “Monty”", "28 €", "Likes half shade", "#e8f5ec")
    + goods(CLOCK, "Clock “Noon”", "54 €", "Silent movement", "#eef1f5")
    + goods(VASE, "Vase “Blue hour”", "42 €", "Hand-thrown, 26 cm", "#eeecfb")
    + "</div><p class='dim' style='margin-top:26px'>Prices include VAT. Returns within 30 days.</p></div>"
)


def article(language: str, title: str, by: str, paragraphs: tuple[str, ...], quote: str) -> str:
    """Return the article page, the same layout in every language."""
    text = "".join(f"<p style='margin-top:16px'>{paragraph}</p>" for paragraph in paragraphs)
    return (
        f"<div lang='{language}' style='background:#fff'><div style='width:680px;margin:0 auto;padding:44px 0"
        f" 52px;font-size:17px;line-height:1.75'><h1 style='font-size:36px'>{title}</h1><p class='dim' "
        f"style='margin-top:10px;font-size:14px'>{by}</p><svg viewBox='0 0 680 210' style='display:block;"
        "margin-top:22px;border-radius:10px'><path d='M0 0h680v210H0z' fill='#dbeafe'/><circle "
        "cx='540' cy='66'"
        " r='30' fill='#fde68a'/><path d='M0 210 150 84l90 70 120-112 160 130 70-48 90 86z' fill='#64748b'/>"
        "<path d='M316 83l44-41 49 40-30 6-20-12-18 14z' fill='#f8fafc'/><path d='M0 210v-26l680-20v46z' "
        f"fill='#365314'/></svg>{text}<blockquote style='border-left:4px solid #2563eb;padding:2px 0 "
        "2px 18px;"
        f"margin-top:22px;color:#374151'>{quote}</blockquote></div></div>"
    )


ENGLISH = article(
    "en",
    "The night train is back",
    "Travel · 4 May · 3 minutes",
    (
        "For years the timetable ended at nine in the evening. From June the blue carriages roll again.",
        "They run along the lake, through the long tunnel and down to the sea.",
        "The first train leaves on Friday at 21:40 and arrives in time for breakfast.",
        "A berth costs as much as a simple room, and nobody has to find the hotel.",
    ),
    "“You fall asleep between mountains and wake up between boats.”",
)
JAPANESE = article(
    "ja",
    "夜行列車が帰ってくる",
    "旅 · 5月4日 · 3分で読めます",
    (
        "長いあいだ、時刻表は夜九時で終わっていました。六月から、青い客車がふたたび走り出します。",
        "湖に沿って、長いトンネルを抜け、海へと下ります。",
        "始発は金曜日の21時40分。朝食の時間には終着駅に着きます。寝台の料金は素朴な宿の一泊分ほどです。",
    ),
    "「山のあいだで眠りにつき、船のあいだで目を覚ます。」",
)

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
BARS = "".join(
    f"<rect x='{54 + 54 * i}' y='{190 - height}' width='30' height='{height}' rx='4' fill='#93c5fd'/>"
    f"<text x='{69 + 54 * i}' y='210' text-anchor='middle' font-size='12' fill='#6b7280'>{month}</text>"
    for i, (month, height) in enumerate(
        zip(MONTHS, (62, 70, 84, 78, 96, 112, 105, 121, 134, 128, 149, 160), strict=True)
    )
)


def figure(title: str, value: str, change: str, colour: str) -> str:
    """Return one card with a key figure."""
    return (
        f"<div class='card' style='flex:1'><small>{title}</small><div style='font-size:27px;font-weight:700'>"
        f"{value}</div><span style='color:{colour};font-weight:600'>{change}</span></div>"
    )


DASHBOARD = (
    "<div class='row' style='gap:0'><div style='width:200px;background:#111827;color:#d1d5db;"
    "padding:26px 24px;"
    "line-height:2.6'><b style='color:#fff;font-size:18px'>Harbour</b><br>Overview<br>Orders<br>Customers<br>"
    "Reports<br>Settings</div><div style='flex:1;padding:28px 34px 34px'><div class='row "
    "between'><h1>Overview"
    "</h1><span class='dim'>1 Jan – 31 Dec</span></div><div class='row' style='margin-top:20px'>"
    + figure("Revenue", "€ 182,400", "▲ 12.4 %", "#15803d")
    + figure("Orders", "3,914", "▲ 6.1 %", "#15803d")
    + figure("Returns", "2.3 %", "▼ 0.4 %", "#b91c1c")
    + "</div><div class='card' style='margin-top:20px;position:relative'><h2>Orders per month</h2>"
    "<span style='position:absolute;top:24px;right:24px;font-size:13px'><span style='display:inline-block;"
    "width:11px;height:11px;background:#93c5fd;border-radius:3px'></span> orders &nbsp; <span style='display:"
    "inline-block;width:18px;height:3px;background:#1d4ed8;vertical-align:4px'></span> trend</span>"
    "<svg viewBox='0 0 700 220' width='100%' style='margin-top:10px'><path d='M40 30h650M40 83h650M40 136h650"
    "' stroke='#eef0f3'/><path d='M40 190h650' stroke='#9ca3af'/>" + BARS + "<path d='M69 138L231 118 393 92 "
    "555 66 663 36' fill='none' stroke='#1d4ed8' stroke-width='3' stroke-linejoin='round'/><g fill='#6b7280' "
    "font-size='12' text-anchor='end'><text x='34' y='34'>450</text><text x='34' "
    "y='87'>300</text><text x='34'"
    " y='140'>150</text><text x='34' y='194'>0</text></g></svg></div></div></div>"
)


def plan(name: str, price: str, points: tuple[str, ...], best: bool) -> str:
    """Return one column of the pricing table."""
    edge = "border:2px solid #7c3aed;" if best else ""
    badge = (
        "<span style='background:#ede9fe;color:#6d28d9;border-radius:99px;padding:2px 12px;font-size:13px'>"
    )
    colours = "background:#7c3aed" if best else "background:#fff;color:#6d28d9;border:1px solid #c4b5fd"
    return (
        f"<div class='card' style='flex:1;padding:28px;{edge}'><div class='row between'><h2>{name}</h2>"
        f"{badge + 'Most popular</span>' if best else ''}</div><p style='font-size:36px;font-weight:700;"
        f"margin:10px 0'>{price}<small style='font-size:15px;font-weight:400'> / month</small></p>"
        + "".join(f"<p><span style='color:#16a34a'>✓</span> &nbsp;{point}</p>" for point in points)
        + f"<div class='button' style='margin-top:20px;width:100%;text-align:center;{colours}'>Choose {name}"
        "</div></div>"
    )


PRICING = (
    "<div class='wrap' style='max-width:1000px'><h1 style='text-align:center'>Plans that grow with you</h1>"
    "<p class='dim' style='text-align:center;margin:6px 0 28px'>Change or cancel whenever you like.</p>"
    "<div class='row'>"
    + plan("Solo", "€ 0", ("1 project", "100 pictures a day", "Help by mail"), False)
    + plan("Team", "€ 19", ("20 projects", "5,000 pictures a day", "Help within a day"), True)
    + plan("Studio", "€ 79", ("No limits", "Your own domain", "Help within an hour"), False)
    + "</div></div>"
)

FORM = (
    "<div class='wrap' style='max-width:720px'><div class='card' style='padding:32px "
    "40px'><h1>Book a table</h1>"
    "<p class='dim'>We answer within the hour.</p><label>Name</label><div class='input'>Mika Sandberg</div>"
    "<label>E-mail</label><div class='input'>mika@example.org</div><div class='row'><div "
    "style='flex:1'><label>"
    "Day</label><div class='input row between'>Saturday, 12 June<span>▾</span></div></div><div "
    "style='flex:1'>"
    "<label>Guests</label><div class='input row "
    "between'>4<span>▾</span></div></div></div><label>Wishes</label>"
    "<div class='input' style='height:84px'>A table by the window, please.</div><p "
    "style='margin-top:16px'>☑ Keep"
    " my details for next time</p><div style='margin-top:20px;text-align:left'><span "
    "class='button'>Send request"
    "</span></div></div></div>"
)

DAYS = "".join(
    "<div style='background:#fff;height:82px;padding:8px 10px;"
    f"color:{'#374151' if 0 < day < 31 else '#cbd5e1'}'>"
    f"{(day - 1) % 30 + 1 if day > 0 else day + 31}"
    + {
        4: "<div style='background:#dbeafe;color:#1e40af;border-radius:5px;padding:0 7px'>Stand-up</div>",
        12: "<div style='background:#dcfce7;color:#166534;border-radius:5px;padding:0 7px'>Dinner, "
        "19:00</div>",
        17: "<div style='background:#fee2e2;color:#991b1b;border-radius:5px;padding:0 7px'>Dentist</div>",
        23: "<div style='background:#dbeafe;color:#1e40af;border-radius:5px;padding:0 7px'>Release</div>",
    }.get(day, "")
    + "</div>"
    for day in range(35)
)
CALENDAR = (
    "<div class='wrap' style='max-width:920px'><div class='row between'><h1>June</h1><span "
    "class='button'>+ Event"
    "</span></div><div style='display:grid;grid-template-columns:repeat(7,1fr);gap:1px;background:#e5e7eb;"
    "border:1px solid #e5e7eb;margin-top:18px'>"
    + "".join(f"<div style='background:#f9fafb;padding:6px 10px'><small>{d}</small></div>" for d in (
        "Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"))
    + DAYS + "</div></div>"
)  # fmt: skip

LOGIN = (
    "<div style='background:#e8eefc;padding:70px 0'><div class='card' style='width:400px;margin:0 "
    "auto;padding:"
    "36px'><svg width='44' height='44'><rect width='44' height='44' rx='12' fill='#2563eb'/><path "
    "d='M12 24l7 7 "
    "13-16' stroke='#fff' stroke-width='5' fill='none'/></svg><h1 style='margin-top:12px'>Welcome back</h1>"
    "<label>E-mail</label><div class='input'>mika@example.org</div><label>Password</label><div class='input'>"
    "••••••••••</div><div class='button' style='width:100%;text-align:center;margin-top:24px'>Sign in</div>"
    "<p style='text-align:center;margin-top:16px'><a>Forgot your password?</a></p></div></div>"
)


def lines(title: str, note: str, head: tuple[str, ...], rows: tuple[tuple[str, ...], ...]) -> str:
    """Return a page with one table."""
    cells = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    heads = "".join(f"<th>{cell}</th>" for cell in head)
    return (
        "<div class='wrap' style='max-width:860px'><div class='card' "
        f"style='padding:34px'><h1>{title}</h1><p "
        f"class='dim' style='margin-bottom:18px'>{note}</p><table><tr>{heads}</tr>{cells}</table></div></div>"
    )


INVOICE = lines(
    "Invoice 2041", "Nordlys Home · 28 May · due in 14 days", ("Item", "Quantity", "Price", "Sum"),
    (("Lamp “Halo”", "1", "89.00", "89.00"), ("Mug “Rosa”", "4", "16.00", "64.00"),
     ("Delivery", "1", "4.90", "4.90"), ("<b>Total</b>", "", "", "<b>157.90 €</b>")),
)  # fmt: skip
STATUS = lines(
    "All systems normal", "Checked a minute ago", ("Service", "Answer", "Last 90 days"),
    (("Website", "118 ms", "99.98 %"), ("Orders", "204 ms", "99.95 %"), ("Mail", "61 ms", "100 %")),
)  # fmt: skip
PROFILE = lines(
    "Mika Sandberg", "Member since 2019", ("Setting", "Value", ""),
    (("Language", "English", "<a>Change</a>"), ("Newsletter", "Once a month", "<a>Change</a>"),
     ("Address", "Quay 7, Harbour", "<a>Change</a>")),
)  # fmt: skip
HELP = (
    "<div class='wrap' style='max-width:860px'><h1>How can we help?</h1><div class='input' "
    "style='margin:16px 0'>"
    "<span class='dim'>Search the answers …</span></div>"
    + "".join(
        f"<div class='card' style='margin-top:12px;padding:16px 22px'><b>{ask}</b><p "
        f"class='dim'>{answer}</p></div>"
        for ask, answer in (
            ("Where is my parcel?", "The link in our mail shows it on the map."),
            ("Can I change my order?", "Yes, until we hand it to the carrier."),
            ("How do I send something back?", "Print the label and take it to any shop nearby."),
        )
    )
    + "</div>"
)

BADGE = (
    "<svg width='360' height='120' style='display:block'><rect x='4' y='4' width='352' height='112' rx='56'"
    " fill='#0f766e' fill-opacity='1'/><circle cx='62' cy='60' r='34' fill='#ccfbf1'/><path d='M46 "
    "60l12 13 22-27'"
    " stroke='#0f766e' stroke-width='9' fill='none'/><text x='112' y='72' font-family='Noto Sans CJK JP' "
    "font-weight='700' font-size='34' fill='#fff'>verified shop</text></svg>"
)


@dataclass(frozen=True)
class Sample:
    """A page, and what stands in the second folder."""

    name: str
    html: str
    width: int
    changes: tuple[tuple[str, str], ...] = ()
    second: str = "rendered"


SAMPLES = (
    # the same: a copy; the same pixels with an opaque alpha channel; another density noted in the file
    Sample("login.png", LOGIN, 1000, second="copied"),
    Sample("calendar.png", CALENDAR, 1000, second="with alpha"),
    Sample("account/profile.png", PROFILE, 1000, second="other density"),
    # changed: a word, a word, a colour, a moved element, a moved element, an inserted block, only alpha
    Sample("news/night train.png", ENGLISH, 1000, (("Friday", "Sunday"),)),
    Sample("news/記事 日本語.png", JAPANESE, 1000, (("金曜日", "日曜日"),)),
    Sample("pricing.png", PRICING, 1200, (("margin-top:20px;width:100%;text-align:center;background:#7c3aed",
                                           "margin-top:20px;width:100%;text-align:center;"
                                           "background:#0d9488"),)),
    Sample("dashboard.png", DASHBOARD, 1280, (("top:24px;right:24px", "top:24px;right:420px"),)),
    Sample("form.png", FORM, 1000, (("text-align:left", "text-align:right"),)),
    Sample("shop.png", SHOP, 1280, (("<!--offer-->", OFFER),)),
    Sample("badge.png", BADGE, 360, second="half transparent"),
    # on one side only, and a file that a broken upload cut in the middle
    Sample("help.png", HELP, 1000, second="absent"),
    Sample("status.png", STATUS, 1000, second="only here"),
    Sample("account/invoice.png", INVOICE, 1000, second="cut"),
)  # fmt: skip


def shot(page: Page, sample: Sample, html: str) -> np.ndarray:
    """Return the rendered page as (height, width, 3 or 4) uint8, 4 where the page has no background."""
    clear = sample.html is BADGE
    page.set_viewport_size({"width": sample.width, "height": 120})
    ground = "<style>body { background: none }</style>" if clear else ""
    page.set_content(f"<!doctype html><meta charset='utf-8'><style>{STYLE}</style>{ground}{html}")
    data = page.screenshot(full_page=not clear, omit_background=clear,
                           clip={"x": 0, "y": 0, "width": 360, "height": 120} if clear else None)  # fmt: skip
    return np.asarray(Image.open(BytesIO(data)).convert("RGBA" if clear else "RGB"))


def pack(pixels: np.ndarray, dpi: int | None = None) -> bytes:
    """Return the smallest PNG found for `pixels`, without loss."""
    file = BytesIO()
    Image.fromarray(pixels).save(file, "PNG", optimize=True, **({"dpi": (dpi, dpi)} if dpi else {}))
    if dpi:
        return file.getvalue()
    filters = (8, 16, 32, 64, 128, 248)
    found = [bytes(imagecodecs.png_encode(pixels, level=9, filter=kind)) for kind in filters]
    return min([file.getvalue(), *found], key=len)


def pair(page: Page, sample: Sample) -> tuple[bytes | None, bytes | None]:
    """Return the two files of a sample, None where there is none."""
    html = sample.html
    pixels = shot(page, sample, html)
    first = pack(pixels, dpi=96 if sample.second == "other density" else None)
    match sample.second:
        case "copied":
            return first, first
        case "with alpha":
            return first, pack(np.dstack([pixels, np.full_like(pixels[..., 0], 255)]))
        case "other density":
            return first, pack(pixels, dpi=144)
        case "half transparent":
            faded = pixels.copy()
            faded[..., 3] //= 2
            return first, pack(faded)
        case "absent":
            return first, None
        case "only here":
            return None, first
        case "cut":
            return first, first[: len(first) // 2]
    for old, new in sample.changes:
        assert html.count(old) == 1, (sample.name, old)
        html = html.replace(old, new)
    return first, pack(shot(page, sample, html))


def main(chromium: str) -> None:
    """Write both folders anew and print what they weigh."""
    folders = (IMG / "01.first", IMG / "02.second")
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)
    total = 0
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu",
                                             "--disable-lcd-text", "--font-render-hinting=none"])  # fmt: skip
        page = browser.new_page()
        for sample in SAMPLES:
            for folder, data in zip(folders, pair(page, sample), strict=True):
                if data is not None:
                    path = folder / sample.name
                    path.parent.mkdir(parents=True, exist_ok=True)
                    path.write_bytes(data)
                    total += len(data)
                    print(f"{len(data):>9,}  {path.relative_to(IMG)}")
        browser.close()
    print(f"{total:>9,}  bytes in all")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "/usr/bin/chromium")
