using BattKomp.Lab.EdgeAgent.Instruments.Ebc;
using BattKomp.Lab.EdgeAgent.Instruments.MqttJson;

namespace BattKomp.Lab.EdgeAgent.Instruments;

/// <summary>Every driver that this agent has. A new one is a folder and a line here.</summary>
public static class InstrumentCatalogue
{
    /// <summary>All drivers by protocol name.</summary>
    public static IReadOnlyDictionary<string, InstrumentDriver> Drivers { get; } = new InstrumentDriver[]
    {
        new EbcDriver(),
        new MqttJsonDriver(),
    }.ToDictionary(d => d.Protocol, StringComparer.Ordinal);

    /// <summary>How captured frames are decoded, by the vectors' protocol name and by the driver's.</summary>
    public static IReadOnlyDictionary<string, Func<ICaptureDecoder>> Decoders { get; } =
        Drivers.Values.SelectMany(d => d.Decoders).ToDictionary(d => d.Key, d => d.Value, StringComparer.Ordinal);
}
