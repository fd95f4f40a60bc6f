namespace BattKomp.Lab.EdgeAgent.Instruments.Sessions;

/// <summary>A session that asks the instrument for its reading at a fixed interval. The first failure ends it.</summary>
public abstract class PolledSession : IInstrumentSession
{
    /// <summary>Never asked faster than this, however lab time is scaled.</summary>
    private static readonly TimeSpan Floor = TimeSpan.FromMilliseconds(50);

    private readonly CancellationTokenSource _stop = new();
    private readonly TimeProvider _machine;
    private readonly TimeSpan _interval;
    private Task _polling = Task.CompletedTask;

    /// <summary>Prepares a session; nothing is asked before <see cref="ConnectAsync"/>.</summary>
    /// <param name="setup">Listener and clocks.</param>
    /// <param name="interval">Between the beginnings of two polls, lab time.</param>
    /// <param name="silence">Longest machine time without a reading.</param>
    protected PolledSession(SessionSetup setup, TimeSpan interval, TimeSpan silence)
    {
        _machine = setup.Machine;
        var scaled = interval / Math.Max(1, setup.LabSpeed);
        _interval = scaled < Floor ? Floor : scaled;
        Feed = new ReadingFeed(setup.OnReading, silence + _interval, setup.Machine);
    }

    /// <summary>Identifies the instrument, takes its first reading and begins to poll. When that fails, session and line are disposed.</summary>
    /// <exception cref="IOException">It does not answer, or is another instrument.</exception>
    public static async Task<IInstrumentSession> ConnectAsync(PolledSession session, CancellationToken cancel)
    {
        try
        {
            await session.IdentifyAsync(cancel);
            session.Feed.Arrive(await session.PollAsync(cancel));
            session._polling = Task.Run(() => session.RunAsync(session._stop.Token), cancel);
            return session;
        }
        catch
        {
            await session.DisposeAsync();
            throw;
        }
    }

    /// <inheritdoc/>
    public abstract string Identity { get; }

    /// <inheritdoc/>
    public Reading? Last => Feed.Last;

    /// <summary>Where the readings go.</summary>
    protected ReadingFeed Feed { get; }

    /// <inheritdoc/>
    public Task<Reading> NextAsync(CancellationToken cancel) => Feed.NextAsync(cancel);

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await CloseAsync();
        await _polling.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _stop.Dispose();
        GC.SuppressFinalize(this);
    }

    /// <summary>Learns who answers. Throws <see cref="IOException"/> when that is not the instrument.</summary>
    protected abstract Task IdentifyAsync(CancellationToken cancel);

    /// <summary>Asks once. Throws <see cref="IOException"/> when the instrument does not answer.</summary>
    protected abstract Task<Reading> PollAsync(CancellationToken cancel);

    /// <summary>Disposes the line.</summary>
    protected abstract ValueTask CloseAsync();

    private async Task RunAsync(CancellationToken stop)
    {
        try
        {
            using var timer = new PeriodicTimer(_interval, _machine);
            while (await timer.WaitForNextTickAsync(stop))
                Feed.Arrive(await PollAsync(stop));
        }
        catch (Exception e)
        {
            Feed.Fail(stop.IsCancellationRequested ? new IOException("The session was closed.", e) : e);
        }
    }
}
