"""How the invented shop names its touchpoints, and what its catalogue says of them."""

from __future__ import annotations

from typing import Final

CATALOGUE_COLUMNS: Final = (
    "pattern", "match", "touchpoint", "stage", "channel", "phase", "line", "owner",
)  # fmt: skip

# pattern match touchpoint stage channel owner; phase and line follow from stage and channel.
_RULES = """
ad_click exact ad_click awareness web Marketing
social_post exact social_post awareness web Marketing
push_opened exact push_opened awareness app Marketing
mail:campaign_* glob campaign_mail awareness email Marketing
call/catalogue exact call_catalogue awareness call Customer_service
skyltfönster exact shop_window awareness store Stores
product_list exact product_list consideration web E-commerce
read_reviews exact read_reviews consideration web E-commerce
mail:guide_* glob guide_mail consideration email Marketing
call/advice exact call_advice consideration call Customer_service
besök exact store_visit consideration store Stores
product_page exact product_page interest web E-commerce
size_guide exact size_guide interest web E-commerce
mail:product_* glob product_mail interest email Marketing
call/stock exact call_stock interest call Customer_service
rådgivning exact staff_advice interest store Stores
provrum exact fitting_room interest store Stores
cart exact cart intent web E-commerce
checkout exact checkout intent web E-commerce
payment exact payment intent web E-commerce
payment_error exact payment_error intent web E-commerce
mail:cart_* glob cart_reminder intent email CRM
call/order exact call_order intent call Customer_service
kassakö exact checkout_queue intent store Stores
order exact order purchase - E-commerce
return exact return post_purchase - Logistics
track_delivery exact track_delivery post_purchase web Logistics
how_to_use exact how_to_use post_purchase web E-commerce
mail:delivery_* glob delivery_mail post_purchase email Logistics
call/support exact call_support post_purchase call Customer_service
upphämtning exact store_pickup post_purchase store Stores
my_pages exact my_pages retention web CRM
mail:newsletter_* glob newsletter retention email CRM
call/service exact call_service retention call Customer_service
skidservice exact ski_service retention store Stores
write_review exact write_review advocacy web CRM
share_product exact share_product advocacy web CRM
mail:referral_* glob referral_mail advocacy email CRM
call/tip exact call_tip advocacy call Customer_service
(värvade|tipsade).vän regex friend_referred advocacy store Stores
club_points exact club_points loyalty web CRM
club_offer exact club_offer loyalty web CRM
mail:club_* glob club_mail loyalty email CRM
call/club exact call_club loyalty call CRM
klubbkväll exact club_evening loyalty store Stores
"""
UNMAPPED: Final = "ar_viewer"
STORES: Final = ("Göteborg", "Malmö", "Umeå", "Tromsø", "Århus", "Jyväskylä", "Örebro", "Bodø")


def catalogue() -> list[tuple[str, ...]]:
    """Return the rules of the sample's touchpoints.csv, first match first."""
    rows: list[tuple[str, ...]] = []
    for line in _RULES.split("\n")[1:-1]:
        pattern, match, touchpoint, stage, channel, owner = line.split(" ")
        phase = {"intent": "during", "purchase": "during"}.get(stage, "after")
        phase = "before" if stage in {"awareness", "consideration", "interest"} else phase
        side = "" if channel == "-" else "offline" if channel in {"store", "call"} else "online"
        rows.append((pattern, match, touchpoint, stage, channel.replace("-", ""), phase, side,
                     owner.replace("_", " ")))  # fmt: skip
    return rows


def raw_names(stage: str, channel: str) -> tuple[str, ...]:
    """Return what the shop's systems call a stage's touchpoints in one channel.

    The app shows the web shop's pages, so it logs the same names; globs hold a month number.
    """
    rules = [row for row in catalogue() if row[3] == stage and not row[2].startswith("payment")]
    kept = [r for r in rules if r[4] == channel or (channel == "app" and r[4] == "web")]
    names = tuple(r[0] for r in kept if not (channel == "app" and r[0] == "ad_click"))
    return tuple("tipsade vän" if "|" in name else name for name in names)
