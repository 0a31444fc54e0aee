"""Sentences that customers of a railway might write, by topic, with gaps for names, places and the like."""

from __future__ import annotations

TRAIN = {
    "booking": """
I would like two seats to {PLACE} on {DATE} please.
Can you change my ticket {ORDER} to the {DATE} train?
Is there still room on the night train from {PLACE} to {PLACE}?
Please reserve a window seat for {PERSON} on {DATE}.
We are a group of nine travelling to {PLACE} and need seats together.
My name is {PERSON} and I want to book a bicycle space for {DATE}.
How early must I reserve a wheelchair place from {PLACE}?
Could you add {PERSON} to reservation {ORDER}?
Do children under six need their own seat to {PLACE}?
I booked for {DATE} by mistake, it should be {DATE}.
What is the first connection to {PLACE} in the morning?
Please upgrade booking {ORDER} to first class.
Which trains to {PLACE} have a quiet carriage?
{PERSON} will travel instead of me on {DATE}, can the name be changed?
Are dogs allowed on the line between {PLACE} and {PLACE}?
I need a return ticket, out on {DATE} and back on {DATE}.
Can seats be chosen when I book to {PLACE}?
The website says sold out, is there a waiting list for {DATE}?
Book me the cheapest fare to {PLACE} any day next month.
Does order {ORDER} include a seat reservation?
Kindly hold three berths in the sleeper for {PERSON}.
I should like to travel from {PLACE} with a pram, what must I book?
""",
    "delay": """
The train to {PLACE} stood in a field for two hours.
We arrived in {PLACE} ninety minutes late on {DATE}.
My connection at {PLACE} was missed because of your signal fault.
Why was the evening service cancelled on {DATE} without any notice?
{PERSON} waited on the platform in {PLACE} until midnight.
Nobody told us why we stopped outside {PLACE}.
Is the line to {PLACE} open again after the storm?
We were forty minutes late and I missed a funeral in {PLACE}.
The board at {PLACE} kept adding ten minutes.
How long will the works near {PLACE} slow the trains?
Every single day this week the commuter train was late.
The replacement bus from {PLACE} never came.
On {DATE} the driver did not turn up and we all stood there.
Your app said on time while we were standing in {PLACE}.
Because of the late arrival {PERSON} had to sleep at the station.
The train left {PLACE} early, so I missed it.
Two hours without heating behind a broken engine, on {DATE} of all days.
Are there still disruptions between {PLACE} and {PLACE}?
The last train on {DATE} just stopped running.
We lost half a day to the broken points at {PLACE}.
Will my train on {DATE} run despite the strike?
Crawling along at walking pace since {PLACE}, what is going on?
""",
    "lost": """
I left a blue rucksack on the train to {PLACE}.
Has anyone handed in a phone at {PLACE} on {DATE}?
{PERSON} forgot her glasses in carriage four.
My umbrella is still in the rack above seat twelve.
On {DATE} my son left his teddy bear on board.
A black suitcase with the name {PERSON} on it is missing.
Where is the office that keeps forgotten things in {PLACE}?
I dropped my keys between {PLACE} and {PLACE}.
Please look for a red scarf under the seat of ticket {ORDER}.
My laptop went on to {PLACE} without me.
The conductor said my wallet would be kept in {PLACE}.
Did the cleaners find a child's jacket on {DATE}?
I described the missing violin to {PERSON} at your desk.
How long do you keep things that people forget?
A brown leather bag, left on {DATE}, somewhere after {PLACE}.
Can the hat I left behind be posted to {PLACE}?
My passport must have slipped out near {PLACE}.
{PERSON} has my number in case the ring turns up.
The camera was in a grey pouch on the luggage shelf.
Somebody took my coat from the hook by mistake on {DATE}.
I want to report a mislaid walking stick.
Report number {ORDER}, is my bag found yet?
""",
    "billing": """
I was charged twice for order {ORDER}.
Please send the invoice for {ORDER} to {PERSON}.
When will I get my money back for the trip on {DATE}?
The refund for {ORDER} is still not on my account.
Your machine in {PLACE} kept my change.
Why did the fare to {PLACE} cost more than advertised?
My card was declined but the amount was taken on {DATE}.
{PERSON} paid for both of us, can the receipt be split?
I need a receipt with tax for my employer.
The discount of my railcard was not applied to {ORDER}.
Can I pay the penalty from {DATE} in parts?
There is a fee of five euros on {ORDER} that nobody explained.
Please cancel my monthly pass and repay the rest.
The voucher you sent {PERSON} does not work.
I was billed for a seat in first class to {PLACE} but sat in second.
How do I claim compensation for ticket {ORDER}?
The price changed while I was paying on {DATE}.
Please correct the address on the invoice to {PLACE}.
The direct debit on {DATE} was too high.
Is the deposit for the group trip to {PLACE} returned?
You owe {PERSON} forty euros since {DATE}.
My bank asks what the payment {ORDER} was for.
""",
}

TEST = {
    "booking": """
Could {PERSON} have an aisle place on the {DATE} service?
I want to go from {PLACE} to {PLACE} and stop for one night.
Are there any berths left for {DATE}?
Please move reservation {ORDER} one day later.
What must I do to bring a cello on the train to {PLACE}?
Is it possible to book for {PERSON} without an account?
We would rather sit together, can {ORDER} be changed?
Do you sell tickets to {PLACE} at the counter?
A single to {PLACE} for {DATE}, second class.
Can my grandmother {PERSON} get help with boarding on {DATE}?
""",
    "delay": """
Stuck near {PLACE} since noon and no word from anyone.
Our train on {DATE} came so late that the ferry was gone.
Will there be trains to {PLACE} after the flood?
{PERSON} missed an exam in {PLACE} because you were late again.
The announcement said five minutes, it became fifty.
On {DATE} the service was cut short at {PLACE}.
When do the works at {PLACE} end?
We spent the night of {DATE} in a cold waiting room.
Once more the early train did not run.
The bus that should replace the train left {PLACE} half empty without us.
""",
    "lost": """
My daughter {PERSON} left her flute in the luggage rack.
A green bottle and a book were forgotten on {DATE}.
Was a hearing aid found on the way to {PLACE}?
I must have left my gloves in the dining car.
Who keeps what is found at {PLACE}?
The bag with the medicine of {PERSON} is gone.
Somewhere between {PLACE} and {PLACE} my tablet disappeared.
I gave the number {ORDER} when I reported my missing purse.
Is there a list of things handed in on {DATE}?
Please tell {PERSON} if the earring is found.
""",
    "billing": """
On {DATE} you took the price of {ORDER} two times.
I still wait for the repayment of {ORDER}.
Could the bill be made out to {PERSON} in {PLACE}?
The machine gave me no receipt in {PLACE}.
My student reduction is missing from invoice {ORDER}.
Why is there a booking charge on my statement of {DATE}?
{PERSON} was promised half the fare back.
The gift card was refused when I paid.
I paid in {PLACE} by card and got a reminder all the same.
What does the amount on {ORDER} consist of?
""",
}

GAPS = {
    "train": {
        "PERSON": (
            "Maria Lund|Tom Becker|Aisha Khan|Peter Novak|Elena Rossi|Jan de Vries|"
            "Sofia Almeida|Liam Walsh|Nadia Haddad|Oskar Berg|Mrs Thompson|Mr Okafor|"
            "Ines Moreau|Karl Weiss|Yuki Tanaka|Paulo Silva|Anna|Viktor"
        ),
        "PLACE": (
            "Hamburg|Lyon|Utrecht|Bergen|Turin|Porto|Gdansk|Bruges|Linz|Cork|Aarhus|"
            "Basel|Ghent|New Romney|Saint Malo|Novi Sad|Upper Kettle|Brno"
        ),
        "DATE": (
            "Monday|Tuesday|3 May|the 14th of June|Saturday|tomorrow|last Friday|"
            "21 December|Easter Sunday|12 March|Thursday evening|1 October|this weekend|"
            "yesterday"
        ),
        "ORDER": (
            "RX-20418|RX-77310|RX-50092|RX-18846|RX-93157|RX-40075|RX-66621|RX-81290|A4471|A9038|A1265|A7702"
        ),
    },
    "test": {
        "PERSON": (
            "Greta Holm|Samuel Adeyemi|Chloe Martin|Ravi Patel|Mr Jansen|Ms Kowalska|"
            "Lucia Ferrari|Ivan Petrov|Hannah|Diego Torres"
        ),
        "PLACE": ("Malmo|Nantes|Leiden|Trieste|Braga|Poznan|Lower Wick|Saint Omer|Graz|Odense|Tartu"),
        "DATE": (
            "Wednesday|9 July|the 2nd of August|Sunday|last night|30 November|Friday morning|18 April|today"
        ),
        "ORDER": ("RX-31764|RX-58203|RX-10937|RX-72458|A3390|A8817|RX-64019|A5526"),
    },
}
