using NodaTime;

namespace BattKomp.Lab.Domain.Access;

/// <summary>Who may see a thing. Only an embargo opens by clock.</summary>
public enum VisibilityKind
{
    /// <summary>Everyone signed in.</summary>
    Open,

    /// <summary>The owner's organisation until a date, then everyone.</summary>
    Embargo,

    /// <summary>The owner's organisation and the named ones.</summary>
    Consortium,

    /// <summary>The owner's organisation only; lab staff get what safety needs.</summary>
    Confidential,
}

/// <summary>A visibility with what its kind needs.</summary>
/// <param name="Kind">Open, embargo, consortium or confidential.</param>
/// <param name="EmbargoUntil">First instant at which an embargo is over; null for other kinds.</param>
/// <param name="Consortium">organisations/… that may see a consortium thing.</param>
public sealed record Visibility(VisibilityKind Kind, Instant? EmbargoUntil, IReadOnlyList<string> Consortium)
{
    /// <summary>Everyone signed in may see it.</summary>
    public static Visibility Open { get; } = new(VisibilityKind.Open, null, []);
}

/// <summary>What the view decision needs to know of a thing.</summary>
/// <param name="Visibility">Its declared visibility.</param>
/// <param name="OwnerOrganisation">organisations/… that owns it.</param>
/// <param name="Persons">persons/… who stand on it (holder, author).</param>
/// <param name="Lab">labs/… where it happens; empty for things with no place.</param>
public sealed record Viewable(Visibility Visibility, string OwnerOrganisation, IReadOnlyList<string> Persons, string Lab);

/// <summary>How much of a thing a caller sees.</summary>
public enum ViewLevel
{
    /// <summary>As if it did not exist.</summary>
    Hidden,

    /// <summary>What safety needs: that it is there, when, where, hazard and limits; not why, what or for whom.</summary>
    Safety,

    /// <summary>Everything.</summary>
    Full,
}

/// <summary>The one function behind every surface: calendar, reasons, search, explanations, reports, feeds, logs.</summary>
public static class Views
{
    /// <summary>How much of <paramref name="thing"/> the caller sees at <paramref name="now"/>.</summary>
    public static ViewLevel View(Caller caller, Viewable thing, Instant now) => caller switch
    {
        PersonCaller person => ViewOf(person, thing, now),
        AgentCaller agent when agent.Lab == thing.Lab && !agent.Revoked => ViewLevel.Safety,
        _ => ViewLevel.Hidden,
    };

    private static ViewLevel ViewOf(PersonCaller person, Viewable thing, Instant now)
    {
        if (thing.Persons.Contains(person.Name) || person.BelongsTo(thing.OwnerOrganisation))
            return ViewLevel.Full;
        var open = thing.Visibility.Kind switch
        {
            VisibilityKind.Open => true,
            VisibilityKind.Embargo => thing.Visibility.EmbargoUntil is { } until && until <= now,
            VisibilityKind.Consortium => thing.Visibility.Consortium.Any(person.BelongsTo),
            _ => false,
        };
        if (open) return ViewLevel.Full;
        return person.IsStaffOf(thing.Lab) ? ViewLevel.Safety : ViewLevel.Hidden;
    }
}
