namespace BattKomp.Lab.EdgeAgent.Instruments;

/// <summary>What one captured frame or line says; printed as one JSON object a line by <c>battlab instruments decode</c>.</summary>
/// <param name="Valid">True when shape and checksum are right.</param>
/// <param name="Kind">"report", "command", "reply", "request", "error", "registers" or "unknown".</param>
/// <param name="Fields">Decoded values by name: snake_case with the unit last (<c>voltage_mv</c>, <c>current_a</c>), as the captured vectors spell them.</param>
/// <param name="Why">What is wrong with a frame that is not valid; else empty.</param>
public sealed record CapturedFrame(bool Valid, string Kind, IReadOnlyDictionary<string, object?> Fields, string Why = "");

/// <summary>Decodes a captured log line by line. Keeps what a later line needs (a reply means what its request asked). Never throws on any input.</summary>
public interface ICaptureDecoder
{
    /// <summary>Decodes one line, hex or text as the protocol's README says; usually one frame, more when several are glued together.</summary>
    IReadOnlyList<CapturedFrame> Decode(string line);
}
