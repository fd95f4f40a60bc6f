using BattKomp.Lab.EdgeAgent.Hosting;
using BattKomp.Lab.EdgeAgent.Instruments.JbdUart;
using BattKomp.Lab.EdgeAgent.Instruments.Modbus;
using BattKomp.Lab.EdgeAgent.Instruments.Sessions;
using BattKomp.Lab.V1;

namespace BattKomp.Lab.EdgeAgent.Instruments.DalyModbus;

/// <summary>Daly BMS over Modbus; monitor.</summary>
public sealed class DalyDriver : LineDriver
{
    private const int MaxCells = 32, MaxTemperatures = 8;
    private static readonly ModbusSettings Standard = new(DalyPack.Unit, 500);

    /// <inheritdoc/>
    public override string Protocol => "daly-modbus";

    /// <inheritdoc/>
    public override string Title => "Daly BMS (Modbus)";

    /// <inheritdoc/>
    public override ControlClass Control => ControlClass.Monitor;

    /// <inheritdoc/>
    public override IReadOnlyList<string> Signals { get; } =
    [
        "voltage_volt", "current_ampere", "state_of_charge_percent", "remaining_capacity_ah", "bms_cycle_count", "cell_spread_volt", "charge_switch_closed", "discharge_switch_closed",
        "switch_temperature_celsius",
        .. Enumerable.Range(1, MaxTemperatures).Select(k => $"temperature_{k}_celsius"),
        .. Enumerable.Range(1, MaxCells).Select(k => $"cell_{k}_voltage_volt"),
    ];

    /// <inheritdoc/>
    public override IReadOnlyList<string> Texts { get; } = ["protection"];

    /// <inheritdoc/>
    public override LineDefaults Line { get; } = new(9600);

    /// <inheritdoc/>
    public override IReadOnlyDictionary<string, Func<ICaptureDecoder>> Decoders { get; } =
        new Dictionary<string, Func<ICaptureDecoder>> { ["daly-modbus"] = () => new DalyCapture() };

    /// <inheritdoc/>
    internal override object ReadSettings(JsonFields channel) => ModbusSettings.Read(channel, Standard.Unit, Standard.ReplyMilliseconds);

    /// <inheritdoc/>
    public override Task<IInstrumentSession> ConnectAsync(SessionSetup setup, CancellationToken cancel) =>
        PolledSession.ConnectAsync(new Session(setup, (setup.Config.Settings as ModbusSettings ?? Standard).Open(setup)), cancel);

    private sealed class Session(SessionSetup setup, ModbusLine modbus) : PolledSession(setup, TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(4))
    {
        private int _cells;

        public override string Identity => $"Daly BMS unit {modbus.Unit:X2}, {_cells} cells";

        protected override async Task IdentifyAsync(CancellationToken cancel)
        {
            var pack = await PackAsync(cancel);
            _cells = pack.CellVolts.Length;
            if (_cells == 0 || pack.Soc is < 0 or > 100)
                throw new IOException($"Unit {modbus.Unit:X2} answers, but not as a Daly BMS: {_cells} cells, {pack.Soc} % charged.");
        }

        protected override async Task<Reading> PollAsync(CancellationToken cancel)
        {
            var pack = await PackAsync(cancel);
            var mos = await modbus.ReadAsync(DalyPack.MosRegister, DalyPack.MosCount, cancel);
            var alarm = pack.Alarms == 0 ? "" : $"alarm bits {pack.Alarms:X16}";
            return new Reading([pack.Volt, pack.Ampere, pack.Soc, pack.RemainingAh, pack.Cycles, pack.DeltaVolt, pack.ChargeOn ? 1 : 0, pack.DischargeOn ? 1 : 0,
                DalyPack.Degrees(mos[DalyPack.MosTemperature]), .. JbdSession.Padded(pack.Celsius, MaxTemperatures), .. JbdSession.Padded(pack.CellVolts, MaxCells)], [alarm])
            {
                Output = pack.ChargeOn || pack.DischargeOn ? OutputState.On : OutputState.Off,
                Volt = pack.Volt,
                Ampere = pack.Ampere,
                Celsius = pack.Celsius.Length > 0 ? pack.Celsius.Max() : double.NaN,
                DeviceAlarm = alarm,
            };
        }

        protected override ValueTask CloseAsync() => modbus.DisposeAsync();

        private async Task<DalyPack> PackAsync(CancellationToken cancel) =>
            DalyPack.Parse(await modbus.ReadAsync(DalyPack.PackRegister, DalyPack.PackCount, cancel)) ?? throw new IOException("The BMS's block is too short.");
    }
}
