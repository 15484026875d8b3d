"""A shop whose recommender goes wrong on demand: prediction logs with labelled incidents.

Used by the demonstration, by drills and by benches; needs numpy and pyarrow only. In the order of the flow::

    scenario    what is to happen: the shop, the log it writes, the events
    shop        catalogue, users and their tastes, the recommender
    popularity  what is on sale and how much it is in demand
    fashion     what everybody likes for a while
    traffic     who asks when
    hour        one hour of requests with their lists, as arrays
    incidents   every kind of trouble, and of harmless change, as a small function on such an hour
    simulation  puts them together
    outcomes    what people click and buy, minutes to hours later
    log         writes the hours as files, and the labels beside them

Every draw comes from a stream of its own, named by seed, hour and purpose. So hours can be made in any order,
and an event changes nothing outside its time and place: the rest of the log is the same to the bit.
"""
