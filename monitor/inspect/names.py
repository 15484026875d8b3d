"""The usual names of columns by the part that they play, the most telling first."""

from __future__ import annotations

import re

# A name fits when it ends in these words: `payload.user.id` is a user_id.
USUAL = {
    "timestamp": (
        "timestamp event_timestamp event_time event_ts ts request_time request_timestamp request_ts "
        "served_at recommended_at shown_at impression_time impression_ts serve_time datetime "
        "date_time time logged_at log_time created_at occurred_at server_time created epoch unix_time "
        "time_ms timestamp_ms ts_ms timestamp_us eventtime t"
    ),
    "item": (
        "item_id product_id sku asin article_id recommended_item_id recommended_item rec_item_id "
        "rec_item item_sku itemid content_id movie_id track_id song_id video_id book_id doc_id "
        "document_id listing_id offer_id news_id media_id show_id game_id hotel_id job_id recipe_id "
        "item product article recommended_product recommendation product_sku iid"
    ),
    "request": (
        "request_id rec_id recommendation_request_id recommendation_id impression_id req_id call_id "
        "query_id response_id slate_id list_id trace_id correlation_id search_id page_view_id "
        "pageview_id view_id request requestid event_id session_id"
    ),
    "user": (
        "user_id customer_id visitor_id member_id account_id client_id profile_id person_id "
        "subscriber_id viewer_id shopper_id userid uid user customer visitor member anonymous_id "
        "device_id cookie_id session_id"
    ),
    "position": (
        "position rank slot item_position item_rank rank_position display_position pos place "
        "rank_index item_index index idx"
    ),
    "score": (
        "score model_score rank_score relevance_score predicted_score prediction_score relevance "
        "prediction pred similarity probability prob confidence pctr p_click ctr_pred"
    ),
    "click": ("click clicked is_click is_clicked was_clicked has_click click_flag clicks"),
    "model_version": (
        "model_version model_id model_name algorithm_version algorithm algo model variant "
        "model_variant policy strategy ranker"
    ),
    "context": (
        "context_item_id context_item seed_item_id seed_item seed_product_id seed_product "
        "anchor_item_id anchor_item anchor_id source_item_id source_product_id viewed_item_id "
        "viewed_product_id current_item_id query_item_id reference_item_id page_item_id main_item_id "
        "trigger_item_id seed_id context_product_id context_id"
    ),
}
TABLE = {role: [name.split("_") for name in names.split()] for role, names in USUAL.items()}
# Words before such a name that make it something else: `context_item_id` is not the item shown.
NOT = {
    "item": (
        "context seed anchor source viewed current query reference trigger parent main last "
        "previous clicked purchased bought page feature user category"
    ),
    "timestamp": (
        "account click clicked elapsed expires ingest ingested item load loaded processed product "
        "published purchase response signup updated user"
    ),
    "user": ("agent feature item product seller"),
    "request": ("item parent user"),
    "score": ("credit propensity propensityscore quality review risk user"),
    "position": ("page screen scroll x y"),
    "click": ("before last previous"),
}
ITEMS = (
    "items",
    "recommendations",
    "recommended",
    "recs",
    "results",
    "products",
    "articles",
    "predictions",
    "candidates",
)
LISTED_IDS = ("id", "sku", "item", "product", "key")


def tokens(path: str) -> list[str]:
    """The words of a dotted path, lower-case.

    >>> tokens("payload.userId"), tokens("Item-ID")
    (['payload', 'user', 'id'], ['item', 'id'])
    """
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", path)
    return [word for word in re.split(r"[^A-Za-z0-9]+", spaced.lower()) if word] or [path.lower()]


def best_match(role: str, path: str, listed: bool = False) -> int:
    """How well a name fits a part: 0 not at all, higher is better; all of the name better than its end.

    Parameters
    ----------
    listed : bool
        The column holds lists, whose names are plurals: `item_ids`, `scores`, `recommendations.id`.

    >>> best_match("item", "item_id") > best_match("item", "payload.product.sku") > 0
    True
    >>> best_match("item", "context_item_id"), best_match("score", "propensity_score")
    (0, 0)
    """
    words = tokens(path)
    found = _match(role, words)
    if listed:
        singular = [*words[:-1], words[-1].removesuffix("s")]
        found = max(found, _match(role, singular))
        if role == "item" and not found:
            if words[-1] in ITEMS:
                return 40
            inner = [word for word in words[:-1] if word in ITEMS]
            if inner and words[-1] in LISTED_IDS:
                return 60 - LISTED_IDS.index(words[-1])
        elif role != "item" and not found and len(words) > 1:
            found = _match(role, words[-1:])
    return found


def _match(role: str, words: list[str]) -> int:
    for rank, name in enumerate(TABLE[role]):
        if words == name:
            return 200 - rank
    if set(NOT.get(role, "").split()) & set(words):
        return 0
    for rank, name in enumerate(TABLE[role]):
        if len(words) > len(name) and words[-len(name) :] == name:
            return 100 - rank
    return 0
