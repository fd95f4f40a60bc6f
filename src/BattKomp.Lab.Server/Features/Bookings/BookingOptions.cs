using BattKomp.Lab.Domain.Bookings;
using NodaTime;

namespace BattKomp.Lab.Server.Features.Bookings;

/// <summary>The limits of bookings, as settings (<c>Bookings:HorizonDays</c> and so on).</summary>
public sealed class BookingOptions
{
    /// <summary>How far ahead a booking may end, days.</summary>
    public int HorizonDays { get; set; } = 365;

    /// <summary>Shortest booking, seconds.</summary>
    public int MinSeconds { get; set; } = 60;

    /// <summary>Longest booking, hours.</summary>
    public int MaxHours { get; set; } = 60 * 24;

    /// <summary>No booking is longer, also if the settings were once wider: how far before a window what overlaps it is looked for, so that old years cost nothing.</summary>
    internal Duration Longest => Duration.FromHours(Math.Max(MaxHours, 400 * 24));

    /// <summary>How long before now a booking may start, seconds.</summary>
    public int PastToleranceSeconds { get; set; } = 60;

    /// <summary>Time that stays free between neighbours on a channel, minutes.</summary>
    public int BufferMinutes { get; set; }

    /// <summary>Persons that one bench holds.</summary>
    public int PersonsPerBench { get; set; } = 4;

    /// <summary>Longest hold, minutes.</summary>
    public int MaxHoldMinutes { get; set; } = 60;

    /// <summary>Holds that one person may have at a time.</summary>
    public int HoldsPerPerson { get; set; } = 5;

    /// <summary>How long a booking waits for approvals, hours; at most until its start.</summary>
    public int ApprovalHours { get; set; } = 7 * 24;

    /// <summary>A cancellation, or a move to later, within so many hours of the start counts as use; 0 = none does.</summary>
    public int LateCancelHours { get; set; } = 24;

    /// <summary>How long before the start its holder may check in, minutes.</summary>
    public int CheckInLeadMinutes { get; set; } = 15;

    /// <summary>How long after the start the time is kept for a holder who has not come, minutes; 0 = until its end.</summary>
    public int NoShowGraceMinutes { get; set; } = 60;

    /// <summary>The grace by purpose code (<c>Bookings:NoShowGraceByPurpose:service</c>), minutes; 0 = until its end. A class is freed by a person only.</summary>
    public Dictionary<string, int> NoShowGraceByPurpose { get; set; } = new() { ["teaching"] = 0 };

    /// <summary>How long the time of a booking is kept for its holder after its start; null = until its end.</summary>
    public Duration? GraceOf(string purpose, string cohort)
    {
        var minutes = cohort.Length > 0 ? 0 : NoShowGraceByPurpose.GetValueOrDefault(purpose, NoShowGraceMinutes);
        return minutes > 0 ? Duration.FromMinutes(minutes) : null;
    }

    /// <summary>The limits as the rules know them.</summary>
    public BookingLimits Limits() => new()
    {
        Horizon = Duration.FromDays(HorizonDays),
        MinLength = Duration.FromSeconds(MinSeconds),
        MaxLength = Duration.FromHours(MaxHours),
        PastTolerance = Duration.FromSeconds(PastToleranceSeconds),
        Buffer = Duration.FromMinutes(BufferMinutes),
        PersonsPerBench = PersonsPerBench,
        HoldsPerPerson = HoldsPerPerson,
    };

    /// <summary>Every mistake at once, each naming the setting and the remedy.</summary>
    public IEnumerable<string> Mistakes()
    {
        foreach (var (name, value, least) in new[]
        {
            (nameof(HorizonDays), HorizonDays, 1), (nameof(MinSeconds), MinSeconds, 0), (nameof(MaxHours), MaxHours, 1),
            (nameof(PastToleranceSeconds), PastToleranceSeconds, 0), (nameof(BufferMinutes), BufferMinutes, 0), (nameof(PersonsPerBench), PersonsPerBench, 1),
            (nameof(MaxHoldMinutes), MaxHoldMinutes, 1), (nameof(HoldsPerPerson), HoldsPerPerson, 1), (nameof(ApprovalHours), ApprovalHours, 1), (nameof(LateCancelHours), LateCancelHours, 0),
            (nameof(CheckInLeadMinutes), CheckInLeadMinutes, 0), (nameof(NoShowGraceMinutes), NoShowGraceMinutes, 0),
        })
            if (value < least) yield return $"Bookings:{name} is {value}: use {least} or more.";
    }
}
