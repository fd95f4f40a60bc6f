namespace BattKomp.Lab.Domain.Bookings.Recurrence;

/// <summary>Why a recurrence is not one that can be booked. A value, never an exception: rules are typed by people and sent by machines.</summary>
/// <param name="Reason">Stable machine name, e.g. RECURRENCE_PART_UNSUPPORTED.</param>
/// <param name="Part">The part of the rule that it is about, e.g. "BYSETPOS"; "START" for the first window.</param>
/// <param name="Message">The sentence a person reads, with the remedy.</param>
public sealed record RecurrenceError(string Reason, string Part, string Message)
{
    internal static RecurrenceError Malformed(string part, string message) => new("RECURRENCE_MALFORMED", part, message);

    internal static RecurrenceError Unsupported(string part, string remedy) => new("RECURRENCE_PART_UNSUPPORTED", part, $"{part} is not supported here. {remedy}");

    /// <summary>What somebody wrote, short enough and clean enough to be shown back.</summary>
    internal static string Show(string text) =>
        new([.. (text.Length <= 40 ? text : text[..40] + "…").Select(c => char.IsControl(c) || char.IsSurrogate(c) ? '?' : c)]);
}
