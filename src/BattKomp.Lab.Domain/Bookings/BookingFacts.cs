using BattKomp.Lab.Domain.Bookings.Policies;
using BattKomp.Lab.Domain.Qualifications;
using BattKomp.Lab.Domain.Time;
using NodaTime;

namespace BattKomp.Lab.Domain.Bookings;

/// <summary>Everything the rules may look at, loaded before they run; they never load anything themselves.</summary>
public sealed record BookingFacts
{
    /// <summary>The limits in force.</summary>
    public BookingLimits Limits { get; init; } = new();

    /// <summary>The rig of every known channel of the request; an unknown channel is absent.</summary>
    public IReadOnlyDictionary<string, RigFacts> RigOfChannel { get; init; } = new Dictionary<string, RigFacts>();

    /// <summary>The labs of those rigs, by name.</summary>
    public IReadOnlyDictionary<string, LabFacts> Labs { get; init; } = new Dictionary<string, LabFacts>();

    /// <summary>What occupies the channels within <see cref="OccupiedKnown"/>.</summary>
    public IReadOnlyList<Occupied> Occupied { get; init; } = [];

    /// <summary>The stretch in which <see cref="Occupied"/> is complete; nearest free windows are sought only there. Null = only the asked window.</summary>
    public TimeWindow? OccupiedKnown { get; init; }

    /// <summary>Hazard classes from the mildest to the worst.</summary>
    public IReadOnlyList<string> HazardOrder { get; init; } = [];

    /// <summary>The test object of the cell test that the request names; null when it names none.</summary>
    public TestObjectFacts? TestObject { get; init; }

    /// <summary>The procedure that the request names; null when it names none, or a vendor's.</summary>
    public ProgramFacts? Program { get; init; }

    /// <summary>What each known channel of the request allows.</summary>
    public IReadOnlyDictionary<string, Runs.Ratings> Allowed { get; init; } = new Dictionary<string, Runs.Ratings>();

    /// <summary>Holds that the person has besides this one; known only for a wish to hold.</summary>
    public int HoldsOfPerson { get; init; }

    /// <summary>Quotas that bind the request, with what counts against them.</summary>
    public IReadOnlyList<QuotaUse> Quotas { get; init; } = [];

    /// <summary>Pools that the request draws from, with what others draw.</summary>
    public IReadOnlyList<PoolUse> Pools { get; init; } = [];

    /// <summary>Every qualification of the holder, those that are over included; known only where a rig asks for one.</summary>
    public IReadOnlyList<Qualification> Qualifications { get; init; } = [];

    /// <summary>What is assessed, and for what; known only where a rig requires it.</summary>
    public RiskFacts Risks { get; init; } = new("", "", []);

    /// <summary>Policies on young people by lab, each from its day on; known only for a request that brings some.</summary>
    public IReadOnlyDictionary<string, IReadOnlyList<YoungPeoplePolicy>> YoungPeople { get; init; } = new Dictionary<string, IReadOnlyList<YoungPeoplePolicy>>();

    /// <summary>The hazard class that people meet at a rig: that of the test object, or where none is booked the worst that the rig is approved for; empty = not stated.</summary>
    public string HazardAt(RigFacts rig) => TestObject?.HazardClass is { Length: > 0 } cell ? cell : rig.HazardClass;

    /// <summary>The place of a hazard class from the mildest; one that the list does not know is worse than the worst, and none stated is none.</summary>
    public int HazardRank(string code)
    {
        if (code.Length == 0) return -1;
        for (var i = 0; i < HazardOrder.Count; i++)
            if (HazardOrder[i] == code) return i;
        return int.MaxValue;
    }

    /// <summary>The distinct rigs of the request's known channels, by name.</summary>
    public IEnumerable<RigFacts> RigsOf(BookingRequest request) => request.Channels
        .Select(c => RigOfChannel.GetValueOrDefault(c)).OfType<RigFacts>().DistinctBy(r => r.Name).OrderBy(r => r.Name, StringComparer.Ordinal);

    /// <summary>The distinct labs of the request's known channels, by name.</summary>
    public IEnumerable<LabFacts> LabsOf(BookingRequest request) => RigsOf(request)
        .Select(r => Labs.GetValueOrDefault(r.Lab)).OfType<LabFacts>().DistinctBy(l => l.Name).OrderBy(l => l.Name, StringComparer.Ordinal);
}

/// <summary>The limits in force: those of the server, tightened by the policies over the request (<see cref="EffectivePolicy"/>).</summary>
public sealed record BookingLimits
{
    /// <summary>How far ahead a booking may end.</summary>
    public Duration Horizon { get; init; } = Duration.FromDays(365);

    /// <summary>Shortest booking.</summary>
    public Duration MinLength { get; init; } = Duration.FromMinutes(1);

    /// <summary>Longest booking.</summary>
    public Duration MaxLength { get; init; } = Duration.FromDays(60);

    /// <summary>How long before now a booking may start: clocks differ and calls take time.</summary>
    public Duration PastTolerance { get; init; } = Duration.FromMinutes(1);

    /// <summary>Time that must stay free between a booking and its neighbours on a channel; zero = none.</summary>
    public Duration Buffer { get; init; } = Duration.Zero;

    /// <summary>Persons that one bench holds.</summary>
    public int PersonsPerBench { get; init; } = 4;

    /// <summary>Holds that one person may have at a time.</summary>
    public int HoldsPerPerson { get; init; } = 5;

    /// <summary>Time between the asking and the start; zero = none.</summary>
    public Duration CreateNotice { get; init; } = Duration.Zero;

    /// <summary>Time between a change and the start; zero = none.</summary>
    public Duration ChangeNotice { get; init; } = Duration.Zero;

    /// <summary>Time between a cancellation by the holder and the start; zero = none.</summary>
    public Duration CancelNotice { get; init; } = Duration.Zero;

    /// <summary>The scope whose policy keeps bookings within one day; empty = none does.</summary>
    public string NoCrossDay { get; init; } = "";

    /// <summary>Lesson grids that bind the request, each with whose word it is.</summary>
    public IReadOnlyList<(string Scope, IReadOnlyList<LessonPeriod> Periods)> LessonPeriods { get; init; } = [];

    /// <summary>By limit, the scope whose word holds; what is not here is the server's own setting.</summary>
    public IReadOnlyDictionary<string, string> Said { get; init; } = new Dictionary<string, string>();

    /// <summary>The scope whose word a limit is; empty = the server's.</summary>
    public string SaidBy(string limit) => Said.GetValueOrDefault(limit, "");
}

/// <summary>What the rules need of a rig.</summary>
/// <param name="Name">rigs/{rig}</param>
/// <param name="Lab">labs/{lab}</param>
/// <param name="HazardClass">Highest class it is approved for; empty = not stated.</param>
/// <param name="MaxWattHour">Largest test object, Wh; 0 = not stated.</param>
/// <param name="AttendedOnly">Somebody must be at the rig while it is energised.</param>
/// <param name="Benches">Places for learner groups; 0 = not stated.</param>
/// <param name="Locked">An incident or a stop keeps it locked.</param>
public sealed record RigFacts(string Name, string Lab, string HazardClass, double MaxWattHour, bool AttendedOnly, int Benches, bool Locked)
{
    /// <summary>Code of the list "rig-kind"; empty = not stated.</summary>
    public string RigKind { get; init; } = "";

    /// <summary>What its users must be qualified for; null = nothing.</summary>
    public QualificationNeed? Needs { get; init; }

    /// <summary>It is used only where a risk assessment covers what is done.</summary>
    public bool RiskAssessed { get; init; }
}

/// <summary>What the rules need of a lab.</summary>
/// <param name="Name">labs/{lab}</param>
/// <param name="Zone">The zone its opening hours are judged in.</param>
/// <param name="Hours">Open stretches by weekday; none = always open.</param>
/// <param name="Closures">Closed days.</param>
public sealed record LabFacts(string Name, DateTimeZone Zone, IReadOnlyList<OpenStretch> Hours, IReadOnlyList<ClosedDays> Closures)
{
    /// <summary>When its staff is there, by weekday; none = while it is open.</summary>
    public IReadOnlyList<OpenStretch> Staffed { get; init; } = [];

    /// <summary>Hazard class from which nobody works alone there outside the staffed hours; empty = no such rule.</summary>
    public string LoneWorkFrom { get; init; } = "";
}

/// <summary>One open stretch of a weekday, in minutes of wall-clock time from local midnight, half-open.</summary>
public sealed record OpenStretch(IsoDayOfWeek Day, int OpensMinute, int ClosesMinute);

/// <summary>Closed days, both ends included, in the lab's own calendar.</summary>
public sealed record ClosedDays(LocalDate First, LocalDate Last, string Why);

/// <summary>What the rules need of a test object.</summary>
/// <param name="Name">testObjects/{test_object}</param>
/// <param name="HazardClass">Code of the list "hazard-class".</param>
/// <param name="NominalWattHour">Wh; 0 = not stated.</param>
public sealed record TestObjectFacts(string Name, string HazardClass, double NominalWattHour)
{
    /// <summary>"cell", "module" or "pack"; empty = not stated.</summary>
    public string Kind { get; init; } = "";

    /// <summary>As the owner wrote it; empty = not stated.</summary>
    public string Chemistry { get; init; } = "";

    /// <summary>Ah; 0 = not stated.</summary>
    public double NominalAmpereHour { get; init; }
}

/// <summary>What the rules need of a procedure.</summary>
/// <param name="Name">procedures/…/versions/…</param>
/// <param name="Demands">The most it asks of a channel.</param>
/// <param name="LongestSeconds">Upper bound of its length.</param>
public sealed record ProgramFacts(string Name, Runs.Ratings Demands, double LongestSeconds)
{
    /// <summary>What is no violation and yet worth knowing before the day: as sentences.</summary>
    public IEnumerable<string> Notices(Duration booked, TestObjectFacts? cell)
    {
        if (LongestSeconds > booked.TotalSeconds)
            yield return FormattableString.Invariant($"{Name} may last up to {LongestSeconds / 3600:0.#} h and the booking {booked.TotalHours:0.#} h: a step that cannot be shown to end in time is not started.");
        var ampere = Math.Max(Demands.MaxChargeAmpere, Demands.MaxDischargeAmpere);
        if (cell is { NominalAmpereHour: > 0 } && ampere / cell.NominalAmpereHour > HighRate)
            yield return FormattableString.Invariant($"{Name} asks for {ampere:0.###} A, which is {ampere / cell.NominalAmpereHour:0.#} C of {cell.Name} ({cell.NominalAmpereHour:0.###} Ah).");
    }

    // Above this many C a procedure is more often meant for another cell than meant.
    private const double HighRate = 3;
}

/// <summary>What takes a resource's time.</summary>
public enum OccupancyKind
{
    /// <summary>A booking.</summary>
    Booking = 1,

    /// <summary>A maintenance window.</summary>
    Outage = 2,
}

/// <summary>A stretch of a resource that is taken; no word of by whom.</summary>
public sealed record Occupied(string Resource, TimeWindow During, OccupancyKind Kind);
