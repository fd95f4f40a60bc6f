using System.Buffers;
using System.Text;
using BattKomp.Lab.EdgeAgent.Instruments.Sessions;

namespace BattKomp.Lab.EdgeAgent.Instruments.JbdUart;

/// <summary>One connection to a JBD BMS: pack and cells once a second.</summary>
public sealed class JbdSession : PolledSession
{
    /// <summary>Cells and temperatures that are recorded; boards have up to 32 and 8.</summary>
    internal const int MaxCells = 32, MaxTemperatures = 8;

    private readonly RequestLine _asks;
    private string _hardware = "";

    internal JbdSession(SessionSetup setup)
        : base(setup, TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(4)) =>
        _asks = new RequestLine(setup.Line, new RequestTiming(TimeSpan.FromMilliseconds(500), TimeSpan.FromMilliseconds(10)), setup.Machine);

    /// <inheritdoc/>
    public override string Identity => _hardware;

    /// <summary>
    /// Switches the BMS's own charge and discharge switches (register E1), for safety only: it is no control of a test. True when the pack's status shows
    /// them so. Whoever calls it says why; a monitor never does.
    /// </summary>
    /// <exception cref="IOException">The line broke or the BMS refuses.</exception>
    public async Task<bool> SetSwitchesAsync(bool chargeOn, bool dischargeOn, CancellationToken cancel)
    {
        var off = (byte)((chargeOn ? 0 : 1) | (dischargeOn ? 0 : 2));
        await AskAsync(JbdPack.MosRegister, JbdCodec.Write(JbdPack.MosRegister, [0, off]), cancel);
        var pack = await PackAsync(cancel);
        return pack.ChargeOn == chargeOn && pack.DischargeOn == dischargeOn;
    }

    /// <inheritdoc/>
    protected override async Task IdentifyAsync(CancellationToken cancel) =>
        _hardware = Encoding.Latin1.GetString(await AskAsync(JbdPack.HardwareRegister, JbdCodec.Read(JbdPack.HardwareRegister), cancel)).TrimEnd('\0', ' ');

    /// <inheritdoc/>
    protected override async Task<Reading> PollAsync(CancellationToken cancel)
    {
        var pack = await PackAsync(cancel);
        var cells = JbdPack.CellMillivolts(await AskAsync(JbdPack.CellsRegister, JbdCodec.Read(JbdPack.CellsRegister), cancel)).Select(mv => mv / 1000.0).ToArray();
        return new Reading([pack.Volt, pack.Ampere, pack.Soc, pack.RemainingAh, pack.NominalAh, pack.Cycles, pack.ChargeOn ? 1 : 0, pack.DischargeOn ? 1 : 0,
            .. Padded(pack.Celsius, MaxTemperatures), .. Padded(cells, MaxCells)], [JbdPack.ProtectionText(pack.Protection)])
        {
            Output = pack.ChargeOn || pack.DischargeOn ? OutputState.On : OutputState.Off,
            Volt = pack.Volt,
            Ampere = pack.Ampere,
            Celsius = pack.Celsius.Length > 0 ? pack.Celsius.Max() : double.NaN,
            DeviceAlarm = JbdPack.ProtectionText(pack.Protection),
        };
    }

    /// <inheritdoc/>
    protected override ValueTask CloseAsync() => _asks.DisposeAsync();

    /// <summary>A list of fixed length, not-a-number where there is nothing.</summary>
    internal static IEnumerable<double> Padded(double[] values, int length) => Enumerable.Range(0, length).Select(k => k < values.Length ? values[k] : double.NaN);

    private async Task<JbdPack> PackAsync(CancellationToken cancel) =>
        JbdPack.Parse(await AskAsync(JbdPack.BasicRegister, JbdCodec.Read(JbdPack.BasicRegister), cancel)) ?? throw new IOException("The BMS's register 03 is too short for a JBD pack.");

    private async Task<byte[]> AskAsync(byte register, byte[] request, CancellationToken cancel)
    {
        bool Take(ref ReadOnlySequence<byte> input, out JbdReply reply) => JbdCodec.TryTakeReply(ref input, register, out reply);
        var reply = await _asks.AskAsync<JbdReply>(request, Take, $"JBD register {register:X2}", cancel);
        return reply.Status == JbdReply.Ok ? reply.Data : throw new IOException($"The BMS refuses register {register:X2}: status {reply.Status:X2}.");
    }
}
