// java Gunzip.java FILE...: the SHA-256 of what java.util.zip.GZIPInputStream makes of each FILE, one a line.
import java.io.*;
import java.security.*;
import java.util.zip.GZIPInputStream;

class Gunzip {
  public static void main(String[] files) throws Exception {
    for (String file : files) {
      MessageDigest digest = MessageDigest.getInstance("SHA-256");
      try (InputStream in = new GZIPInputStream(new BufferedInputStream(new FileInputStream(file)))) {
        in.transferTo(new DigestOutputStream(OutputStream.nullOutputStream(), digest));
      }
      for (byte b : digest.digest()) System.out.printf("%02x", b);
      System.out.println();
    }
  }
}
