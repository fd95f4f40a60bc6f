namespace BattKomp.Lab.Server.Web;

/// <summary>
/// Every word of the page that is ours, in one place: bokmål and nynorsk become two more values of this type. Sentences of
/// refusals come from the server and names from the catalogue.
/// </summary>
public sealed record Texts
{
    /// <summary>English.</summary>
    public static Texts English { get; } = new();

#pragma warning disable CS1591 // Each text is its own documentation.
    public string Language { get; init; } = "en";
    public string Product { get; init; } = "BattKomp.Lab";
    public string SkipToContent { get; init; } = "Skip to content";
    public string Footer { get; init; } = "BattKomp.Lab: book shared battery rigs, follow runs, pull datasets. The battlab program and the API do all of this too.";
    public string Overview { get; init; } = "Rigs, bookings and runs";

    public string SignIn { get; init; } = "Sign in";
    public string SignInWhy { get; init; } = "Nothing can be seen or done here without signing in. Your lab or your school gives you an access token.";
    public string AccessToken { get; init; } = "Access token";
    public string AccessTokenHint { get; init; } = "Paste the whole token. It is kept in this browser until you sign out or close it.";
    public string TokenUnknown { get; init; } = "Nobody here has issued that token, or it was revoked. Paste the whole token, or ask your lab for a new one.";
    public string TokenNotAPerson { get; init; } = "That token belongs to an agent. Use a person's token.";
    public string SignedInAs { get; init; } = "Signed in as";
    public string SignOut { get; init; } = "Sign out";

    public string Rigs { get; init; } = "Rigs";
    public string NoRigs { get; init; } = "This lab has no rigs yet.";
    public string Ready { get; init; } = "Ready";
    public string Locked { get; init; } = "Locked until a lab manager releases it";
    public string Simulated { get; init; } = "Simulated";
    public string AttendedOnly { get; init; } = "Someone must be present while it is energised";
    public string Channels { get; init; } = "Channels";
    public string Charge { get; init; } = "charge";
    public string Discharge { get; init; } = "discharge";

    public string BookingsToday { get; init; } = "Bookings today";
    public string TimesIn { get; init; } = "Times in";
    public string NoBookings { get; init; } = "Nothing is booked today.";
    public string To { get; init; } = "to";
    public string Busy { get; init; } = "Busy";
    public string Outage { get; init; } = "Out of use";
    public string Yours { get; init; } = "Yours";
    public string People { get; init; } = "people";
    public string Person { get; init; } = "person";
    public string CancelBooking { get; init; } = "Cancel booking";
    public string CancelWhy { get; init; } = "Its time becomes free for others at once.";
    public string CancelReason { get; init; } = "Reason";
    public string CancelReasonHint { get; init; } = "Required when the booking is another person's.";
    public string Cancelled { get; init; } = "The booking is cancelled; its time is free.";

    public string Incidents { get; init; } = "Incidents";
    public string IncidentsWhy { get; init; } = "These rigs are locked and their evidence is kept until a lab manager has looked and released them ('battlab incidents release').";

    public string ActiveRuns { get; init; } = "Active runs";
    public string NoRuns { get; init; } = "Nothing is running.";
    public string RunOn { get; init; } = "Run on";
    public string ShowLive { get; init; } = "Show live values";
    public string StopRun { get; init; } = "Stop run";
    public string StopWhy { get; init; } = "The agent takes the channel to a safe state and the run ends. It cannot be continued.";
    public string StopMode { get; init; } = "How";
    public string StopSafe { get; init; } = "At the next safe step";
    public string StopImmediate { get; init; } = "Output off now";
    public string StopReason { get; init; } = "Reason";
    public string StopReasonHint { get; init; } = "Required; it is kept with the run.";
    public string StopReasonMissing { get; init; } = "Write why the run is stopped.";
    public string StopDone { get; init; } = "The agent has stopped the channel.";
    public string StopOpen { get; init; } = "The agent has not answered yet; the order stays in force. Check the rig.";
    public string SecondsToSafe { get; init; } = "seconds to safe";
    public string Keep { get; init; } = "Back without changing anything";
    public string Back { get; init; } = "Back to the overview";

    public string Gaps { get; init; } = "Completeness";
    public string Complete { get; init; } = "Nothing is missing:";
    public string NotComplete { get; init; } = "Not complete, or not yet known to be:";
    public string Streams { get; init; } = "Streams";
    public string StreamsWhy { get; init; } = "Every stream of this run: entries its agent wrote, entries stored here, and what is missing between.";
    public string Stream { get; init; } = "Stream";
    public string Expected { get; init; } = "Expected";
    public string Stored { get; init; } = "Stored";
    public string MissingRanges { get; init; } = "Missing sequences";
    public string ClosedBecause { get; init; } = "Closed because";
    public string ProvedFrom { get; init; } = "Proved from";
    public string FromCounter { get; init; } = "the device's own counter";
    public string FromAgent { get; init; } = "the agent; what the device said before is not known";
    public string Unknown { get; init; } = "unknown";
    public string NotClosed { get; init; } = "not closed yet";
    public string None { get; init; } = "None.";
    public string Outages { get; init; } = "Outages";
    public string OutagesWhy { get; init; } = "Stretches in which nobody listened to the instrument.";
    public string Cause { get; init; } = "Cause";
    public string From { get; init; } = "From";
    public string Until { get; init; } = "Until";
    public string Quarantine { get; init; } = "Kept aside";
    public string QuarantineWhy { get; init; } = "Entries that may not count, kept with the reason; the first 100 are shown.";
    public string Sequence { get; init; } = "Sequence";
    public string Alarms { get; init; } = "Alarms and incidents";

    public string Live { get; init; } = "Live values";
    public string LiveChoose { get; init; } = "Run to follow";
    public string Show { get; init; } = "Show";
    public string ChartOf { get; init; } = "Chart of voltage and current over test time; the table beside it holds the latest values.";
    public string LatestValues { get; init; } = "Latest values";
    public string Quantity { get; init; } = "Quantity";
    public string Value { get; init; } = "Value";
    public string Voltage { get; init; } = "Voltage";
    public string Current { get; init; } = "Current, positive when charging";
    public string TestTime { get; init; } = "Test time";
    public string RecordTime { get; init; } = "Time of record";
    public string LiveConnecting { get; init; } = "Connecting …";
    public string LiveOn { get; init; } = "Live";
    public string LiveRetry { get; init; } = "The connection is lost; trying again.";
    public string LiveEnded { get; init; } = "The run is over; these are its last values.";
    public string LiveRefused { get; init; } = "The live values were refused:";
    public string LiveNoScript { get; init; } = "Live values need JavaScript; 'battlab runs watch' shows them without.";

    public string Problem { get; init; } = "This was refused";
    public string Limit { get; init; } = "Limit";
    public string AskedFor { get; init; } = "Asked for";
    public string NearestPossible { get; init; } = "Nearest possible";
#pragma warning restore CS1591
}
