using BattKomp.Lab.EdgeAgent.Instruments.AtorchDl24;
using BattKomp.Lab.EdgeAgent.Instruments.BinderMk;
using BattKomp.Lab.EdgeAgent.Instruments.DalyModbus;
using BattKomp.Lab.EdgeAgent.Instruments.Ebc;
using BattKomp.Lab.EdgeAgent.Instruments.Espec;
using BattKomp.Lab.EdgeAgent.Instruments.Folder;
using BattKomp.Lab.EdgeAgent.Instruments.HcpTc038;
using BattKomp.Lab.EdgeAgent.Instruments.JbdUart;
using BattKomp.Lab.EdgeAgent.Instruments.MethodScript;
using BattKomp.Lab.EdgeAgent.Instruments.Modbus;
using BattKomp.Lab.EdgeAgent.Instruments.MqttJson;
using BattKomp.Lab.EdgeAgent.Instruments.Riden;
using BattKomp.Lab.EdgeAgent.Instruments.Scpi;
using BattKomp.Lab.EdgeAgent.Instruments.VellemanK8090;

namespace BattKomp.Lab.EdgeAgent.Instruments;

/// <summary>Every driver that this agent has. A new one is a folder and a line here.</summary>
public static class InstrumentCatalogue
{
    /// <summary>All drivers by protocol name.</summary>
    public static IReadOnlyDictionary<string, InstrumentDriver> Drivers { get; } = new InstrumentDriver[]
    {
        new BinderDriver(),
        new DalyDriver(),
        new DlDriver(),
        new EbcDriver(),
        new EspecDriver(),
        new FolderDriver(),
        new JbdDriver(),
        new K8090Driver(),
        new MethodScriptDriver(),
        new RidenDriver(),
        new MqttJsonDriver(),
        new ScpiDriver(),
    }.ToDictionary(d => d.Protocol, StringComparer.Ordinal);

    /// <summary>How captured frames are decoded, by the vectors' protocol name and by the driver's.</summary>
    public static IReadOnlyDictionary<string, Func<ICaptureDecoder>> Decoders { get; } =
        Drivers.Values.SelectMany(d => d.Decoders).Concat(WithoutDriver()).ToDictionary(d => d.Key, d => d.Value, StringComparer.Ordinal);

    // Decoded on captures, not (yet) driven.
    private static IEnumerable<KeyValuePair<string, Func<ICaptureDecoder>>> WithoutDriver() =>
    [
        new(Tc038Decoder.Name, () => new Tc038Decoder()),
        new("modbus-rtu-tc038d", () => new Tc038dCapture()),
    ];
}
