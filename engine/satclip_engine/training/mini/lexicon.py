"""Words of the landscape: from them the text corpus is composed and dense labels get their synonyms."""

from __future__ import annotations

from satclip_engine.harness.datasets.records.aid_words import AID_PHRASES

TEMPLATES: tuple[str, ...] = (
    "{}",
    "a satellite image of {}",
    "an aerial view of {}",
    "an aerial photo of {}",
    "a remote sensing image of {}",
    "{} seen from above",
)

LAND_NOUNS: tuple[str, ...] = tuple(
    """forest wood woodland woods trees tree grove orchard plantation jungle rainforest mangrove hedge hedgerow shrub
    shrubs scrub
    bush bushland heath moor grass grassland meadow pasture lawn prairie savanna steppe turf garden park
    vineyard crop crops
    cropland farmland farm field fields paddy greenhouse hay wheat maize rice vegetation greenery undergrowth
    foliage canopy
    palm palms conifer soil earth dirt clay gravel sand dune dunes desert wasteland badlands mud rock rocks
    rubble scree cliff
    mountain mountains hill hills ridge valley slope canyon gorge plateau volcano snow ice glacier beach shore
    shoreline coast
    coastline seashore water river stream creek brook canal ditch channel lake pond reservoir lagoon bay sea
    ocean estuary delta
    marsh swamp wetland bog fen waterfall rapids pool flood floodplain building buildings house houses home roof
    roofs rooftop
    rooftops hut cottage cabin villa mansion bungalow apartment flats tower skyscraper block shed barn warehouse
    factory plant
    mill works hangar depot terminal office shop mall market school university hospital church mosque temple
    chapel castle
    stadium arena gym village town city suburb settlement hamlet neighbourhood slum tents camp road roads street
    streets avenue
    lane highway motorway freeway expressway interchange viaduct overpass junction roundabout crossroads
    driveway path track
    trail footpath pavement sidewalk asphalt tarmac concrete bitumen cobblestone runway taxiway apron airport
    airfield helipad
    airplane airplanes aircraft plane jet helicopter bridge dam dyke levee weir pier jetty wharf quay dock
    harbour harbor port
    marina ship ships boat boats vessel barge ferry yacht container containers crane railway railroad train
    trains station rails
    tram car cars vehicle vehicles truck trucks lorry bus traffic parking playground pitch court courtyard plaza
    square
    racetrack pool golf diamond mine quarry pit landfill dump excavation construction tank tanks silo chimney
    pipeline pylon
    turbine solar panels reactor wall fence cemetery graveyard ruins monument fountain shadow shade cloud clouds
    haze smoke fire
    burned ash crater island islands peninsula reef sandbank salt""".split()  # noqa: SIM905
)

# fmt: off
LAND_PHRASES: tuple[str, ...] = (
    "bare soil", "bare land", "bare ground", "bare earth", "barren land", "open ground", "dry riverbed",
    "unpaved land", "unpaved road", "dirt road", "gravel road", "paved road", "paved surface",
    "impervious surface", "built-up area", "urban area", "residential area", "industrial area", "commercial area",
    "dense residential area", "sparse residential area", "detached houses", "terraced houses", "apartment block",
    "storage tanks", "oil tanks", "fuel tank", "parking lot", "car park", "parked cars", "shopping centre",
    "railway station", "train station", "railway track", "train tracks", "baseball field", "football field",
    "soccer pitch", "tennis court", "basketball court", "running track", "swimming pool", "golf course",
    "athletics field", "playing field", "crop land", "crop field", "agricultural land", "arable land",
    "ploughed field", "rice paddy", "fallow field", "green field", "low vegetation", "dense vegetation",
    "sparse vegetation", "green space", "tall trees", "deciduous trees", "evergreen forest", "pine forest",
    "broadleaf forest", "tropical forest", "dead trees", "row of trees", "tree crown", "clear cut", "open water",
    "body of water", "water body", "deep water", "shallow water", "muddy river", "water surface", "coastal water",
    "frozen lake", "sandy beach", "sand dunes", "rocky ground", "solar farm", "solar panel", "wind turbine",
    "power plant", "power line", "sewage plant", "water treatment plant", "construction site", "open pit mine",
    "container terminal", "shipping containers", "cargo ship", "fishing boat", "sports field", "school building",
    "tin roof", "red roof", "white roof", "flat roof", "blue roof", "metal roof", "town square", "city centre",
    "traffic jam", "dry grass", "mobile homes", "new buildings", "flooded area", "flooded fields", "burned area",
    "snow cover", "bare rock", "salt pan",
)
# fmt: on

ADJECTIVES: tuple[str, ...] = tuple(
    """green dark light brown grey gray white black red blue yellow large small big tiny long narrow wide curved
    straight winding
    dense sparse dry wet muddy sandy rocky bare empty open paved unpaved rural urban industrial residential
    abandoned old modern
    new round square rectangular circular parallel scattered neat orderly tall low flat steep shallow deep clear
    turbid frozen
    flooded irrigated cultivated wild lush withered snowy crowded busy quiet parked moving private public coastal
    inland""".split()  # noqa: SIM905
)

JOINS: tuple[str, ...] = (
    "{} near {}",
    "{} next to {}",
    "{} and {}",
    "{} with {}",
    "{} surrounded by {}",
    "{} beside {}",
    "{} in {}",
    "{} on both sides of {}",
)

# What the evaluation asks by: written down once, there.
AID_NAMES = AID_PHRASES
