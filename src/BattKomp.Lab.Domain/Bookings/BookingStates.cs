namespace BattKomp.Lab.Domain.Bookings;

/// <summary>Where a booking stands. Numbers are stored and are those of the wire.</summary>
public enum BookingState
{
    /// <summary>Tentative; expires.</summary>
    Held = 1,

    /// <summary>Waits for an approval; holds its time meanwhile.</summary>
    Pending = 2,

    /// <summary>Firm.</summary>
    Confirmed = 3,

    /// <summary>A run was started from it.</summary>
    Running = 4,

    /// <summary>Used and over.</summary>
    Completed = 5,

    /// <summary>Given up by its holder or by the lab.</summary>
    Cancelled = 6,

    /// <summary>A hold that nobody confirmed in time.</summary>
    Expired = 7,

    /// <summary>Confirmed, and nobody came.</summary>
    NoShow = 8,
}

/// <summary>What can happen to a booking.</summary>
public enum BookingStep
{
    /// <summary>A hold or a pending booking becomes firm.</summary>
    Confirm,

    /// <summary>A run starts from it.</summary>
    Start,

    /// <summary>Its run is over.</summary>
    Complete,

    /// <summary>It is given up.</summary>
    Cancel,

    /// <summary>Its hold runs out.</summary>
    Expire,

    /// <summary>Nobody came.</summary>
    MissedByHolder,

    /// <summary>A hold is confirmed where an owner has to agree.</summary>
    AskApproval,

    /// <summary>An owner says no.</summary>
    Decline,

    /// <summary>A successor takes its place.</summary>
    Replace,

    /// <summary>Its holder, who came, gives the rest of the time back.</summary>
    Release,
}

/// <summary>The state machine of bookings: which step leads from where to where.</summary>
public static class BookingStates
{
    private static readonly Dictionary<BookingStep, (BookingState[] From, BookingState To)> Steps = new()
    {
        [BookingStep.Confirm] = ([BookingState.Held, BookingState.Pending], BookingState.Confirmed),
        [BookingStep.Start] = ([BookingState.Confirmed], BookingState.Running),
        [BookingStep.Complete] = ([BookingState.Running], BookingState.Completed),
        [BookingStep.Cancel] = ([BookingState.Held, BookingState.Pending, BookingState.Confirmed], BookingState.Cancelled),
        [BookingStep.Expire] = ([BookingState.Held, BookingState.Pending], BookingState.Expired),
        [BookingStep.MissedByHolder] = ([BookingState.Confirmed], BookingState.NoShow),
        [BookingStep.AskApproval] = ([BookingState.Held], BookingState.Pending),
        [BookingStep.Decline] = ([BookingState.Pending], BookingState.Cancelled),
        [BookingStep.Replace] = ([BookingState.Held, BookingState.Pending, BookingState.Confirmed, BookingState.Running], BookingState.Cancelled),
        [BookingStep.Release] = ([BookingState.Confirmed], BookingState.Completed),
    };

    /// <summary>True while the booking takes its resources' time.</summary>
    public static bool Occupies(BookingState state) => state is BookingState.Held or BookingState.Pending or BookingState.Confirmed or BookingState.Running;

    /// <summary>The state after the step; null when the step is refused from <paramref name="state"/>.</summary>
    public static BookingState? After(BookingState state, BookingStep step) => Steps[step].From.Contains(state) ? Steps[step].To : null;

    /// <summary>The state that the step leads to.</summary>
    public static BookingState Target(BookingStep step) => Steps[step].To;

    /// <summary>The states from which the step is possible.</summary>
    public static IReadOnlyList<BookingState> From(BookingStep step) => Steps[step].From;

    /// <summary>The name on the wire: NO_SHOW, CONFIRMED.</summary>
    public static string NameOf(BookingState state) => state == BookingState.NoShow ? "NO_SHOW" : state.ToString().ToUpperInvariant();
}
