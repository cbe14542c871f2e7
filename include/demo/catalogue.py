"""The labs' price list: 80 products as dental laboratories really sell them."""

from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True)
class Product:
    """A product of the price list, or of an order."""

    name: str
    description: str | None
    unit_price: Decimal
    notation: str = "tooth"  # what technicians note on a line of it: tooth, arch or none


_PRICE_LIST = {
    "tooth": """
        PFM Crown, Non-Precious | Porcelain fused to non-precious metal | 98.00
        PFM Crown, Semi-Precious | Porcelain fused to semi-precious alloy | 139.00
        PFM Crown, High Noble | Porcelain fused to high noble alloy, alloy billed apart | 185.00
        PFM Pontic | Pontic of a PFM bridge | 98.00
        Full Cast Crown, Noble | Full metal crown, noble alloy | 149.00
        Full Cast Crown, High Noble Yellow | Full gold crown, alloy billed apart | 175.00
        3/4 Crown, Gold | Partial coverage, yellow gold | 179.50
        Gold Inlay | Cast gold inlay, one to three surfaces | 165.00
        Gold Onlay | Cast gold onlay | 175.00
        Post & Core, Cast | Cast post and core, non-precious | 79.00
        Post & Core, Gold | Cast post and core, high noble | 112.00
        Zirconia Crown, Full Contour | Monolithic zirconia, 1200 MPa | 99.00
        Zirconia Crown, Anterior Translucent | High-translucency zirconia | 119.00
        Zirconia Crown, Layered | Zirconia coping with hand-layered porcelain | 159.00
        Zirconia Bridge, per Unit | Full contour zirconia bridge unit | 99.00
        Zirconia Inlay/Onlay | Milled zirconia inlay or onlay | 109.00
        Maryland Bridge, Zirconia | Resin-bonded bridge, one pontic, two wings | 229.00
        e.max® Crown, Monolithic | Lithium disilicate, stained and glazed | 129.00
        e.max® Crown, Layered | Lithium disilicate, cut back and layered | 169.00
        e.max® Veneer | Pressed lithium disilicate veneer | 149.00
        e.max® Veneer, No-Prep | Ultra-thin veneer, 0.3 mm | 169.00
        e.max® Inlay | Pressed inlay | 115.00
        e.max® Onlay | Pressed onlay | 119.00
        Feldspathic Veneer | Stacked on refractory die | 219.00
        Composite Crown, Provisional | Milled PMMA, up to six months | 38.50
        Temporary Bridge, per Unit | Milled PMMA, metal reinforced on request | 33.33
        Diagnostic Wax-Up, per Tooth | Wax-up for planning and patient consent | 24.95
        Implant Crown, Zirconia, Screw-Retained | Includes titanium base | 259.00
        Implant Crown, PFM, Cement-Retained | Abutment billed apart | 189.00
        Implant Crown, e.max® on Ti-Base | Includes titanium base | 279.00
        Custom Abutment, Titanium | Milled titanium, all common platforms | 169.00
        Custom Abutment, Zirconia | Zirconia on titanium base | 199.00
        Custom Abutment, Gold-Hued | Titanium nitride coated | 189.00
        Stock Abutment Preparation | Chairside abutment modified in the lab | 45.00
        Implant Analog | One per implant | 27.75
        Verification Jig, per Implant | Resin or metal, sectioned | 48.00
        Impression Coping, Open Tray | Returned unused: half credit | 36.40
        Porcelain Margin | 360° porcelain shoulder | 19.95
        Metal Occlusal | Metal biting surface on a PFM | 0.00
        Crown Under Existing Partial | Fitted under the patient's own partial | 39.00
        Shade Match, Custom | In the lab or by photographs | 35.00
        Gingival Porcelain, Pink | Per tooth | 22.15
        Repair, Porcelain Chip | Composite or low-fusing porcelain | 64.00
        Remake, No Charge | Warranty remake | 0.00
    """,
    "arch": """
        Complete Denture, Economy | Processed, with stock teeth | 189.00
        Complete Denture, Premium | IvoBase®, characterised, premium teeth | 389.00
        Complete Denture, Digital Milled | Milled base and teeth | 449.00
        Immediate Denture | Delivered on the day of extraction | 245.00
        Denture Try-In, Wax Set-Up | Teeth set in wax | 92.50
        Denture Reline, Hard | Same day when in by 9 am | 89.00
        Denture Reline, Soft (Molloplast®) | Heat-cured silicone | 139.00
        Denture Rebase | New base, teeth kept | 149.00
        Denture Repair, Simple Fracture | No impression needed | 59.00
        Denture Repair, Add Tooth | First tooth | 64.50
        Overdenture, Locator® | Attachments billed apart | 459.00
        Locator® Attachment, per Implant | Male, housing and processing insert | 104.17
        Hybrid Denture, Titanium Bar | Screw-retained, milled bar | 1895.00
        All-on-X, Zirconia Full Arch | Monolithic, stained, with Ti-bases | 2450.00
        All-on-X, PMMA Prototype | Try-in and long-term provisional | 489.00
        Cast Partial, Vitallium® | Framework and processing | 389.00
        Cast Partial, Framework Only | For try-in | 219.00
        Flexible Partial, Valplast® | Up to eight teeth | 329.00
        Flipper, 1–3 Teeth | Acrylic partial with wrought clasps | 119.00
        Nesbit, Unilateral | Flexible, one or two teeth | 199.00
        Night Guard, Hard | Heat-cured or milled acrylic | 79.00
        Night Guard, Hard/Soft | Dual laminate, 3 mm | 89.00
        Night Guard, NTI-Style | Anterior deprogrammer | 96.00
        Occlusal Splint, Michigan | With canine guidance | 129.00
        Sports Mouthguard, Custom | Two layers, team colors | 54.00
        Bleaching Tray, Pair | Scalloped, with reservoirs | 49.00
        Hawley Retainer (Upper & Lower) | Pair, choice of colors | 138.00
        Essix Retainer | Clear, 1 mm | 34.25
        Surgical Guide, Printed | Up to three implants, sleeves included | 165.00
        Sleep Apnea Appliance, "Herbst" Style | Mandibular advancement device | 389.00
        Custom Tray | Light-cured | 24.00
        Bite Rim | On stabilized base | 26.50
    """,
    "none": """
        Rush Fee, 24 h | By agreement with the lab | 75.00
        Model Work, Printed, per Arch | From intraoral scan | 14.85
        Alloy, High Noble, per Gram | Day price, by weight | 87.63
        Articulator Mounting | Semi-adjustable, facebow transfer | 28.00
    """,
}


def _read(notation: str, text: str) -> list[Product]:
    rows = [[part.strip() for part in line.split(" | ")] for line in text.strip().splitlines()]
    return [Product(name, description, Decimal(price), notation) for name, description, price in rows]


def price_list() -> tuple[Product, ...]:
    """The 80 products, the same each time."""
    return tuple(product for notation, text in _PRICE_LIST.items() for product in _read(notation, text))
