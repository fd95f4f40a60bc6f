namespace BattKomp.Lab.Server.Features.Usage;

/// <summary>What the columns mean; stored with every month, so that a file is read as it was meant when it was made.</summary>
internal static class UsageDictionary
{
    private const string Several = "'*' where rows of few bookings were merged and differ";

    private static readonly (string File, string Column, string Type, string Unit, string Meaning)[] Entries =
    [
        ("usage.csv", "month", "yyyy-MM", "", "calendar month on the lab's own wall clock; a booking over its end has a part in each month"),
        ("usage.csv", "since", "yyyy-MM", "", "first month that the row covers: earlier than month where the months before had too few bookings to be told"),
        ("usage.csv", "visibility", "code", "", "open, or restricted (embargo, consortium, confidential): of these organisation, stage and level are 'withheld'; the two are never merged"),
        ("usage.csv", "lab", "name", "", $"where; {Several}"),
        ("usage.csv", "county", "code", "", $"of the lab; list 'county'; {Several}"),
        ("usage.csv", "stage", "code", "", $"first stage of the booking, else of the rig; list 'stage'; {Several}"),
        ("usage.csv", "education_level", "code", "", $"list 'education-level'; {Several}"),
        ("usage.csv", "activity_class", "code", "", $"list 'activity-class'; {Several}"),
        ("usage.csv", "organisation", "name", "", $"under whose affiliation it was booked; {Several}"),
        ("usage.csv", "bookings", "integer", "1", "bookings that became firm and were not cancelled in time; over several labs or stages counted in the first"),
        ("usage.csv", "booked_hours", "decimal", "channel-hours", "held time: until it was given back; of no-shows and late cancels all of it, also where somebody else had it later"),
        ("usage.csv", "energised_hours", "decimal", "channel-hours", "of these, from a run's first sign of the instrument to its end"),
        ("usage.csv", "lost_hours", "decimal", "channel-hours", "of these, booked by no-shows and late cancels"),
        ("usage.csv", "down_hours", "decimal", "channel-hours", "of these, in which an incident kept the rig locked or that the lab logged as lost; not of no-shows and late cancels"),
        ("capacity.csv", "month", "yyyy-MM", "", "calendar month on the lab's own wall clock"),
        ("capacity.csv", "lab", "name", "", "where"),
        ("capacity.csv", "county", "code", "", "of the lab; list 'county'"),
        ("capacity.csv", "rig", "name", "", "as the catalogue had it when the month was closed"),
        ("capacity.csv", "rig_kind", "code", "", "list 'rig-kind'"),
        ("capacity.csv", "stages", "codes", "", "list 'stage', separated by blanks"),
        ("capacity.csv", "channels", "integer", "1", "channels of the rig"),
        ("capacity.csv", "open_hours", "decimal", "channel-hours", "within opening hours, without closures"),
        ("capacity.csv", "outage_hours", "decimal", "channel-hours", "of these, taken by outages"),
        ("capacity.csv", "capacity_hours", "decimal", "channel-hours", "open_hours less outage_hours"),
        ("unmet.csv", "month", "yyyy-MM", "", "in which the wish was refused or ran out, on the lab's own wall clock"),
        ("unmet.csv", "since", "yyyy-MM", "", "first month that the row covers: earlier than month where the months before had too few signals to be told"),
        ("unmet.csv", "lab", "name", "", $"first lab that was asked; {Several}"),
        ("unmet.csv", "county", "code", "", $"of the lab; {Several}"),
        ("unmet.csv", "stage", "code", "", $"first stage of the wish, else of the rig; {Several}"),
        ("unmet.csv", "education_level", "code", "", $"list 'education-level'; {Several}"),
        ("unmet.csv", "activity_class", "code", "", $"list 'activity-class'; {Several}"),
        ("unmet.csv", "signals", "integer", "1", "refused bookings, empty searches, holds and questions that ran out; who tries twice is counted twice"),
        ("unmet.csv", "wished_hours", "decimal", "channel-hours", "time wished for, times the channels"),
    ];

    internal static IReadOnlyList<string> Columns(string file) => [.. Entries.Where(e => e.File == file).Select(e => e.Column)];

    internal static string Text(int least) => Csv.Write(
        ["file", "column", "type", "unit", "meaning"],
        Entries.Select(e => (IReadOnlyList<string>)[e.File, e.Column, e.Type, e.Unit, e.Meaning])
            .Append(["usage.csv", "", "", "", $"every row has at least {least} bookings; rows add up to all of them. A row without numbers says that there were fewer, open or restricted: they are in the rows of the next month that has enough"])
            .Append(["unmet.csv", "", "", "", $"every row has at least {least} signals. A row without numbers says that there were fewer: they are in the rows of the next month that has enough"]));
}
