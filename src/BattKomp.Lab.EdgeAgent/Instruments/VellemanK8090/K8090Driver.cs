using BattKomp.Lab.EdgeAgent.Instruments.Sessions;
using BattKomp.Lab.V1;

namespace BattKomp.Lab.EdgeAgent.Instruments.VellemanK8090;

/// <summary>Velleman K8090 as a monitor: records its relays. Who switches them is the safety watchdog, through <see cref="K8090Card"/>.</summary>
public sealed class K8090Driver : LineDriver
{
    /// <inheritdoc/>
    public override string Protocol => "velleman-k8090";

    /// <inheritdoc/>
    public override string Title => "Velleman K8090 relay card";

    /// <inheritdoc/>
    public override ControlClass Control => ControlClass.Monitor;

    /// <inheritdoc/>
    public override IReadOnlyList<string> Signals { get; } = [.. Enumerable.Range(1, 8).Select(k => $"relay_{k}_closed")];

    /// <inheritdoc/>
    public override LineDefaults Line => K8090Card.Line;

    /// <inheritdoc/>
    public override IReadOnlyDictionary<string, Func<ICaptureDecoder>> Decoders { get; } =
        new Dictionary<string, Func<ICaptureDecoder>> { ["velleman-k8090"] = () => new K8090Capture() };

    /// <inheritdoc/>
    public override Task<IInstrumentSession> ConnectAsync(SessionSetup setup, CancellationToken cancel) => PolledSession.ConnectAsync(new Session(setup), cancel);

    private sealed class Session(SessionSetup setup) : PolledSession(setup, TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(3))
    {
        private readonly K8090Card _card = new(setup.Line, setup.Machine);
        private string _firmware = "";

        public override string Identity => $"Velleman K8090 firmware {_firmware}";

        protected override async Task IdentifyAsync(CancellationToken cancel) => _firmware = await _card.FirmwareAsync(cancel);

        protected override async Task<Reading> PollAsync(CancellationToken cancel)
        {
            var closed = await _card.StatusAsync(cancel);
            return new Reading([.. Enumerable.Range(0, 8).Select(k => (double)((closed >> k) & 1))], []);
        }

        protected override ValueTask CloseAsync() => _card.DisposeAsync();
    }
}
