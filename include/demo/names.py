"""What practices, offices, doctors and patients are called, and what labs write on their cases."""

PRACTICES = """
Lakeshore Family Dentistry; O'Brien & Sons Dental; Smile Center of Evanston; Zoë Müller Dental Studio;
"Bright Smiles" Pediatric Dentistry; Peña, Ortiz & Associates; Harborview Prosthodontics; St. John's
Dental Group; D'Angelo Family Dental; Núñez Dental Arts; Cherry Creek Dental, P.C.; Dr. Björn Ångström,
DDS; The Tooth Fairy's Office; North Shore Implants & Periodontics; Kowalski Dental, LLC; Blue Ridge
Smiles; Crème de la Crown; Two Rivers Dental Care; McAllister & Daughters; Fresno Denture & Implant
Center; Gulf Coast Dental Specialists; Sunrise Dental "24/7"; Château Dental Boutique; Park Avenue
Aesthetic Dentistry; Old Town Dental; Prairie Winds Dentistry; Ivory & Oak; Santa Fé Dental Collective;
Queen Anne Dental; Lone Star Prosthetics & Smiles; Tidewater Oral Health; Grünwald Zahnarzt & Family;
Silver Maple Dental; Ó Súilleabháin Dental; Golden Gate Dental Partners; Mountain View Dental (Dr.
Hernández); Pine Street Dental; Désirée's Dental Loft; Cornerstone Dental #2; Red Rock Dental; Brooklyn
Heights Dental Co-op; Whispering Pines Dentistry; Magnolia Smiles, Inc.; Twin Cities Dental Arts; Bayou
Dental & Denture; Hudson Valley Prosthodontic Group; A+ Dental Care; Piñon Ridge Family Dentistry; Desert
Bloom Dental; Chestnut Hill Dental Associates; Capitol Hill Dental; Rosé Dental Spa; Harvest Moon Dental;
Liberty Bell Dental; Fjord & Fjell Dental; Windy City Smiles; Emerald Isle Dental; Cape Cod Dental Center;
Ocean Avenue Dental; Pikes Peak Dentistry; Saguaro Dental; Empire Dental Group; Beacon Hill Dental Studio;
Vista del Mar Dental; 5th & Main Dentistry; Lavender Lane Dental
"""

GIVEN_NAMES = """
Zoë José Anne-Marie Seán Björn María Priya Wei Olumide Fatima Grace Hiroshi Chloé Ibrahim Łukasz Renée
Tomás Aisha Daniel Søren Élodie Marcus Ngọc Patrick Ingrid Raúl Beatriz Owen Hannah Dmitri Leïla Kwame
Sofía Henry Mei Noah
"""

FAMILY_NAMES = """
O'Brien Peña Müller Nguyễn D'Angelo García Smith-Jones Ångström Okafor Patel Kowalski McAllister Núñez
Tanaka O'Neill Björk Hernández Lefèvre Çelik Rossi Yılmaz Johnson Dvořák Ó'Malley Silva Fitzgerald Haddad
Muñoz Weiß Kim St.James Van-der-Berg Abernathy Delacroix Petrović Lindqvist
"""

OFFICES = """
North; South; East; West; Downtown; Lakeside; "Smile Center" North; Main St.; Suite 200; Riverside; Mall &
Plaza; Children's Office; Airport Rd.; Old Mill; 2nd Floor; Uptown; Harbor; St. Mary's; Campus; Hill
Country
"""

SHADES = ("A1", "A2", "A3", "A3.5", "B1", "B2", "C1", "C2", "D2", "BL1", "BL2", "OM2")

TOOTH_NOTES = """
; ; ; light mesial contact; "hollow" ground incisal; check bite, tight; match #8; metal lingual collar;
360° margin; patient's a bruxer; no stain in the grooves; copy the old crown's shape; shade at Dr.'s
office; thin margin, 0.5 mm
"""

ARCH_NOTES = """
upper, shade A2; lower, shade A3; upper & lower; upper, pink #3; lower, soft liner; upper, midline 2 mm to
the left; lower, patient's own teeth as guide; upper – "natural" set-up
"""

BILLING_NOTES = """
Dr. asks to bill after try-in.; Patient's insurance pre-approved – reference on file.; Second remake: half
price agreed.; Bill to main office, not the branch.; Rush agreed on the phone with Zoë.; "Do not mail" –
statement by e-mail only.; Alloy weight: 2.4 g, day price.; Partial payment expected at delivery.;
Courtesy discount 10 %, new account.; Shade taken in the lab (no charge).; Case came with broken model,
re-poured.; Ship with Friday's box & save freight.; Crown returned, contact open – adjusted without
charge.; Implant parts supplied by the office.; Please call Anne-Marie before changing anything.;
Prêt-à-porter: temporaries first, finals in six weeks.
"""

SHIPPING = ("8.50", "9.95", "12.95", "14.20", "18.00", "24.75", "36.00")


def listed(text: str) -> list[str]:
    """The entries of a list that is separated by semicolons."""
    return [" ".join(entry.split()) for entry in text.strip().split(";")]
